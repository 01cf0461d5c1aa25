/** Topics and filters in a tree, against matching each by itself. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { covers, isFilter } from "../../broker/access.ts";
import { TopicTree } from "../../broker/topic-tree.ts";

const level = fc.constantFrom("a", "b", "", "$SYS");
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
const filters = fc
  .array(fc.constantFrom("a", "b", "", "$SYS", "+", "#"), { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"))
  .filter(isFilter);

function tree(paths: readonly string[]): TopicTree<string> {
  const made = new TopicTree<string>();
  for (const path of paths) made.set(path, path);
  return made;
}

describe("a tree of topics", () => {
  it("finds what a filter matches [MQTT-4.7.1-2] [MQTT-4.7.2-1]", () => {
    fc.assert(
      fc.property(fc.array(topics), filters, (all, filter) => {
        const found = [...tree(all).matching(filter)].toSorted();
        const wanted = [...new Set(all)].filter((topic) => covers(filter, topic)).toSorted();
        expect(found).toEqual(wanted);
      }),
    );
  });

  it("finds the filters that match a topic", () => {
    fc.assert(
      fc.property(fc.array(filters), topics, (all, topic) => {
        const found = [...tree(all).matchedBy(topic)].toSorted();
        const wanted = [...new Set(all)].filter((filter) => covers(filter, topic)).toSorted();
        expect(found).toEqual(wanted);
      }),
    );
  });

  it("forgets what is taken out, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(filters), fc.array(filters), (all, gone) => {
        const made = tree(all);
        for (const path of gone) made.delete(path);
        const left = new Set(all.filter((path) => !gone.includes(path)));
        expect(made.size).toBe(left.size);
        for (const path of [...all, ...gone]) {
          expect(made.get(path)).toBe(left.has(path) ? path : undefined);
        }
      }),
    );
  });
});
