/** How storing is divided among processes. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { filterFor, isOurs } from "../../broker/share.ts";

const level = fc.stringMatching(/^[a-z0-9_-]{1,12}$/);
const address = fc.record({ region: level, org: level, site: level, class: level, device: level });

it("gives each device to one part, and always the same", () => {
  fc.assert(
    fc.property(address, fc.integer({ min: 1, max: 9 }), (device, of) => {
      const parts = Array.from({ length: of }, (_, index) => ({ part: index + 1, of }));
      expect(parts.filter((share) => isOurs(share, device))).toHaveLength(1);
      expect(isOurs({ group: "g" }, device)).toBe(true);
    }),
  );
});

it("gives no part much more than its share", () => {
  const devices = Array.from({ length: 3000 }, (_, n) => ({
    region: "local",
    org: `org-${n % 50}`,
    site: "hall",
    class: "power",
    device: `pdu-${n}`,
  }));
  for (const part of [1, 2, 3]) {
    const ours = devices.filter((device) => isOurs({ part, of: 3 }, device)).length;
    expect(Math.abs(ours - 1000)).toBeLessThan(120);
  }
});

it("subscribes as a member of its group", () => {
  expect(filterFor({ group: "ingest" }, "a/+")).toBe("$share/ingest/a/+");
  expect(filterFor({ part: 1, of: 2 }, "a/+")).toBe("a/+");
});
