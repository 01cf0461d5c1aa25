/** The hub's rows of capacity under virtual time: when, how often, what is left out, and rules. */
import { describe, expect, test } from "vitest";
import { capacityOptions, CapacityWriter } from "../../../alerts/index.ts";
import { v } from "../../../config/index.ts";
import type { Store } from "../../../store/index.ts";
import type { Line } from "../../../telemetry/index.ts";
import { problemOf } from "../../../telemetry/index.ts";
import { metersNamed, siteOf } from "../../config/topology/sites.ts";
import { SeededEntropy } from "../../virtual.ts";
import { hub, Rig } from "../rig.ts";

const minute = 60_000;

const topology = siteOf(
  `
racks: { r1: { power: 10kW, meters: m1 }, r2: { power: 10kW, meters: m2 } }
equipment: { grid: { kind: source, feeds: [r1, r2] } }
`,
  metersNamed("m1", "m2"),
);

const rules = `crowded:
  about: A rack takes nine tenths of its rating.
  measurement: capacity
  field: load_pct
  above: 85
crowded-stored:
  about: The same, by asking.
  on: stored
  measurement: capacity
  field: load_pct
  above: 85
  every: 1m
  window: 15m
  aggregate: last
`;

const names = Array.from({ length: 15 }, (_, at) => `n${at}`);
const large = siteOf(
  `racks: { ${names.map((name) => `r-${name}: { meters: ${name} }`).join(", ")} }`,
  metersNamed(...names),
);

/** A hub with a writer; `delay` is how long each answer takes. */
async function openWriter({ delay = 0, of = topology } = {}) {
  const rig = await new Rig(rules).open();
  const { clock, log } = rig;
  const store: Pick<Store, "query" | "measurements" | "write"> = {
    measurements: () => Promise.resolve([]),
    query: async (query, signal) => {
      const answer = await rig.store.query(query, signal);
      if (delay > 0) await new Promise<void>((resolve) => void clock.after(delay, resolve));
      return answer;
    },
    write: (lines) => rig.store.write(lines),
  };
  const options = v.parse(capacityOptions, { since: "1h", trend: "1d", coverage: 0 });
  const writer = new CapacityWriter(
    { topology: of, options, hub, store, observe: (batch) => rig.alerts.observe(batch) },
    { clock, log, entropy: new SeededEntropy() },
  );
  const times = (): readonly number[] => {
    const own = rig.store.lines.filter(({ measurement }) => measurement === "capacity");
    return [...new Set(own.map(({ time }) => (time - rig.start) / minute))];
  };
  const close = async (): Promise<void> => {
    await writer[Symbol.asyncDispose]();
    await rig.close();
  };
  return { rig, writer, times, close };
}

function capacityOf(lines: readonly Line[], element: string): Line | undefined {
  return lines.findLast((line) => line.tags["element"] === element);
}

describe("the hub's rows of capacity", () => {
  test("come every five minutes and tell up to a full one, once rows had time", async () => {
    const { rig, writer, times, close } = await openWriter();
    await rig.clock.advance(16 * minute);
    expect(times()).toEqual([-5, 0, 5, 10, 15]);
    expect(writer.counts).toEqual({ rows: 20, skipped: 0 });
    await close();
  });

  test("say what a rack takes, with the hub's identity and the rack's place", async () => {
    const { rig, close } = await openWriter();
    rig.send({ device: "m1", measurement: "energy_meter", fields: { active_power_w: 6000, q: 0 } });
    await rig.clock.advance(6 * minute);
    const { region, org, site, device } = hub;
    expect(capacityOf(rig.store.lines, "r1")).toMatchObject({
      measurement: "capacity",
      tags: { region, org, site, device, rack: "r1", element: "r1" },
      fields: { rated_w: 10_000, used_w: 6000, headroom_w: 4000, load_pct: 60 },
    });
    // Nobody has heard of m2: nothing is told of it but what it is rated for.
    const unknown = { rated_w: 10_000, derated_w: 10_000, coverage_pct: 0, q: 0 };
    expect(capacityOf(rig.store.lines, "r2")?.fields).toEqual(unknown);
    for (const { measurement, tags, fields } of rig.store.lines) {
      if (measurement !== "capacity") continue;
      const own = { element: tags["element"] ?? "" };
      expect(problemOf({ measurement, tags: own, fields })).toBeUndefined();
    }
    await close();
  });

  test("are judged by rules, live and stored", async () => {
    const { rig, close } = await openWriter();
    rig.send({ device: "m1", measurement: "energy_meter", fields: { active_power_w: 9000, q: 0 } });
    await rig.clock.advance(8 * minute);
    const fired = rig.told.map(({ rule, tags, to }) => `${rule} ${tags["element"]} ${to}`);
    expect(fired).toEqual(["crowded r1 firing", "crowded-stored r1 firing"]);
    await close();
  });

  test("are left out and counted while the store is down, and come again after it", async () => {
    const { rig, writer, times, close } = await openWriter();
    await rig.clock.advance(minute);
    rig.store.state = "down";
    await rig.clock.advance(10 * minute);
    expect(writer.counts.skipped).toBe(2);
    expect(rig.log.entries.filter(({ event }) => event === "capacity not written")).toHaveLength(1);
    rig.store.state = "up";
    await rig.clock.advance(5 * minute);
    expect(times()).toEqual([-5, 0, 15]);
    await close();
  });

  test("are made one turn at a time; turns that come meanwhile are left out", async () => {
    const { rig, writer, times, close } = await openWriter({ delay: 29_000, of: large });
    await rig.clock.advance(40 * minute);
    // 15 answers of 30 s a turn, the rest after each included.
    expect(times()).toEqual([-5, 5, 10, 20, 25]);
    expect(writer.counts.skipped).toBe(3);
    await close();
  });

  test("of a store that never answers are given up, and an end need not wait for it", async () => {
    const { rig, writer, times, close } = await openWriter();
    rig.store.state = "silent";
    await rig.clock.advance(6 * minute);
    expect(times()).toEqual([]);
    expect(writer.counts.skipped).toBe(3);
    await rig.clock.advance(5 * minute);
    await close();
  });

  test("are not held up for long by a clock that is set back", async () => {
    const { rig, times, close } = await openWriter();
    await rig.clock.advance(minute);
    rig.clock.jump(-60 * minute);
    await rig.clock.advance(11 * minute);
    expect(times().filter((time) => time < -20).length).toBeGreaterThan(0);
    await close();
  });
});
