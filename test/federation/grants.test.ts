/** The file of grants: what it may say, and what a peer may have by it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matches } from "../../broker/escape/rights.ts";
import type { PeerGrant } from "../../broker/federation/grants.ts";
import { parseGrants, PeerRights } from "../../broker/federation/grants.ts";

const where = { file: "grants.yaml", region: "south", peers: ["north", "west"] };
const root = "rackstreet/v1/south";

function grant(items: readonly string[], more: Partial<PeerGrant> = {}): PeerGrant {
  return { peer: "north", items, summaries: [], ...more };
}

describe("a file of grants", () => {
  test("names items and summaries by peer; an empty one grants nothing", () => {
    const text = `
grants:
  - peer: north
    items: [${root}/power/hall/power/pdu-1/#]
  - { peer: west, summaries: [5m, 1h], items: [${root}/+/+/+/+/telemetry] }
`;
    expect(parseGrants(text, where)).toEqual([
      grant([`${root}/power/hall/power/pdu-1/#`]),
      { peer: "west", items: [`${root}/+/+/+/+/telemetry`], summaries: ["5m", "1h"] },
    ]);
    expect(parseGrants("", where)).toEqual([]);
  });

  const mistakes: readonly (readonly [what: string, text: string, says: RegExp])[] = [
    ["an unknown peer", "grants: [{ peer: east, items: [] }]", /:1:18: .*has no east/],
    ["another region", "grants: [{ peer: north, items: [rackstreet/v1/north/#] }]", /not within/],
    ["every region", "grants: [{ peer: north, items: [rackstreet/v1/+/#] }]", /not within/],
    ["all there is", "grants: [{ peer: north, items: ['#'] }]", /not within/],
    ["no filter", `grants: [{ peer: north, items: [${root}/a#] }]`, /not an MQTT topic filter/],
    ["a window", "grants: [{ peer: north, items: [], summaries: [2m] }]", /summaries/],
    ["an unknown key", "grants: [{ peer: north, item: [] }]", /did you mean "items"/],
    [
      "a class of summaries",
      `grants: [{ peer: north, summaries: [5m], items: [${root}/a/b/power/d/telemetry] }]`,
      /know no class/,
    ],
  ];
  test.each(mistakes)("refuses %s", (...[, text, says]) => {
    expect(() => parseGrants(text, where)).toThrow(says);
  });
});

describe("what a peer may have", () => {
  const level = fc.constantFrom("a", "b", "power", "hub", "summary-5m", "summary-1h", "d1", "d2");
  const kind = fc.constantFrom("telemetry", "state", "alert", "set", "stored", "backfill");
  const topic = fc
    .tuple(level, level, level, level, kind)
    .map((levels) => [root, ...levels].join("/"));
  const wild = fc.oneof(level, fc.constant("+"));
  const item = fc
    .tuple(fc.array(wild, { maxLength: 4 }), fc.oneof(kind, fc.constant("#"), fc.constant("+")))
    .map(([levels, last]) =>
      [root, ...levels, levels.length < 4 && last !== "#" ? "#" : last].join("/"),
    );
  const forwarded = ["telemetry", "state", "alert", "backfill"];

  test("is what an item matches, of kinds that are forwarded, and nothing of the hub", () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 5 }), topic, (items, one) => {
        const [, , , , , kindOf = "", , last = ""] = one.split("/");
        const plain = kindOf !== "hub" && !kindOf.startsWith("summary-");
        const expected =
          plain && forwarded.includes(last) && items.some((filter) => matches(filter, one));
        expect(new PeerRights([grant(items)]).permits(one)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test("summaries come by their own grant and window alone", () => {
    const summed = `${root}/a/b/summary-5m/d1/telemetry`;
    const all = [`${root}/#`];
    const permits = (...grants: PeerGrant[]): boolean => new PeerRights(grants).permits(summed);
    expect(permits(grant(all))).toBe(false);
    expect(permits(grant(all, { summaries: ["1h"] }))).toBe(false);
    expect(permits(grant(all, { summaries: ["5m"] }))).toBe(true);
    const raw = new PeerRights([grant(all, { summaries: ["5m"] })]);
    expect(raw.permits(`${root}/a/b/power/d1/telemetry`)).toBe(false);
  });

  test("counts each item once", () => {
    const twice = [grant([`${root}/a/#`, `${root}/b/#`]), grant([`${root}/a/#`])];
    expect(new PeerRights(twice).items).toBe(2);
  });
});
