/** Topics: what is built is parsed again, and nothing else is ours. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { levelPattern, parseTopic, topicKinds, topicOf } from "../../telemetry/index.ts";

const level = fc.stringMatching(levelPattern);
const address = fc.record({
  region: level,
  org: level,
  site: level,
  class: level,
  device: level,
});

describe("topics", () => {
  test("come back as address and kind", () => {
    fc.assert(
      fc.property(address, fc.constantFrom(...topicKinds), (address, kind) => {
        expect(parseTopic(topicOf(address, kind))).toEqual({ address, kind });
      }),
    );
  });

  test("always have eight levels below rackstreet/v1", () => {
    const where = { region: "local", org: "main", site: "hall", class: "power", device: "m-1" };
    expect(topicOf(where, "meta")).toBe("rackstreet/v1/local/main/hall/power/m-1/meta");
  });

  test.each([
    ["nothing", ""],
    ["a level too few", "rackstreet/v1/a/b/c/d/meta"],
    ["a level too many", "rackstreet/v1/a/b/c/d/e/f/meta"],
    ["another root", "rackstreets/v1/a/b/c/d/e/meta"],
    ["another version", "rackstreet/v2/a/b/c/d/e/meta"],
    ["an unknown kind", "rackstreet/v1/a/b/c/d/e/metadata"],
    ["a kind that objects inherit", "rackstreet/v1/a/b/c/d/e/constructor"],
    ["an empty level", "rackstreet/v1/a//c/d/e/meta"],
    ["a capital letter", "rackstreet/v1/a/B/c/d/e/meta"],
    ["a wildcard", "rackstreet/v1/a/+/c/d/e/meta"],
    ["a level of 65 characters", `rackstreet/v1/a/${"b".repeat(65)}/c/d/e/meta`],
    ["a line end behind a level", "rackstreet/v1/a/b\n/c/d/e/meta"],
    ["a leading slash", "/rackstreet/v1/a/b/c/d/e/meta"],
  ])("%s is not ours", (_what, topic) => {
    expect(parseTopic(topic)).toBeUndefined();
  });

  test("any text is parsed without a throw, and only ours is understood", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseTopic(text);
        if (parsed !== undefined) expect(topicOf(parsed.address, parsed.kind)).toBe(text);
      }),
    );
  });
});
