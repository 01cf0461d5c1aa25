/** What a client is subscribed to: few filters, looked at one by one, and many, in a tree. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { covers } from "../../broker/access.ts";
import { Filters } from "../../broker/filters.ts";

const level = fc.constantFrom("a", "b", "c");
const topic = fc.array(level, { minLength: 1, maxLength: 3 }).map((levels) => levels.join("/"));
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest ? ["#"] : [])].join("/"));
const granted = fc.record({ filter, qos: fc.nat(2), keep: fc.boolean() });

it("gives the highest QoS of those that match, however many there are", () => {
  fc.assert(
    fc.property(fc.array(granted, { maxLength: 20 }), topic, (all, name) => {
      const filters = new Filters();
      const model = new Map<string, number>();
      for (const { filter: one, qos, keep } of all) {
        filters.add(one, { qos, since: 0 });
        model.set(one, qos);
        if (keep) continue;
        filters.delete(one);
        model.delete(one);
      }
      const matching = [...model].filter(([one]) => covers(one, name)).map(([, qos]) => qos);
      expect(filters.size).toBe(model.size);
      expect(filters.qosOf(name, 1)).toBe(Math.max(-1, ...matching));
      expect(filters.qosOf(name, 0)).toBe(-1);
    }),
  );
});
