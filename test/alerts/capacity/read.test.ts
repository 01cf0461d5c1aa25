/** Reading from the embedded store: channels, companions, phases, quality, roll-ups. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Measured } from "../../../alerts/index.ts";
import { capacityOf, readMeasured } from "../../../alerts/index.ts";
import type { Offer } from "../../../config/index.ts";
import { v } from "../../../config/index.ts";
import type { Store } from "../../../store/index.ts";
import { openStore, storeOptions } from "../../../store/index.ts";
import type { FieldValue, Line } from "../../../telemetry/index.ts";
import { siteOf } from "../../config/topology/sites.ts";
import { realPlatform, temporaryFolder } from "../../store/rig.ts";

const begin = Date.UTC(2025, 2, 1);
const minute = 60_000;
const site = { region: "local", org: "main", site: "lab" };
const frame = { from: begin, to: begin + 60 * minute, every: 5 * minute };

const topology = siteOf(
  `
equipment:
  grid: { kind: source }
  board: { kind: switchboard, fedBy: grid, current: 32A, meters: board }
  cb:
    kind: breaker
    fedBy: board
    phases: L1
    current: 16A
    meters: { device: strip, measurement: pdu_breaker, channel: "2" }
  dead: { kind: breaker, fedBy: board, current: 16A, meters: [dead, spare] }
`,
  [
    { id: "board", offers: [offer("energy_meter", [], ["active_power_w"])] },
    { id: "strip", offers: [offer("pdu_breaker", ["1", "2"], ["current_a"])] },
    { id: "dead", offers: [offer("energy_meter", [], ["active_power_w"])] },
    { id: "spare", offers: [offer("energy_meter", [], ["active_power_w"])] },
  ],
);

function offer(measurement: string, channels: readonly string[], fields: readonly string[]): Offer {
  return { measurement, channels, fields };
}

/** One row a minute. */
function* minutely(
  measurement: string,
  tags: Readonly<Record<string, string>>,
  fields: Readonly<Record<string, FieldValue>>,
): Generator<Line> {
  for (let time = frame.from; time < frame.to; time += minute) {
    yield { measurement, tags: { ...site, ...tags }, fields, time };
  }
}

describe("what is read of a store", () => {
  const parts = new AsyncDisposableStack();
  let store: Store;
  let measured: Measured;
  const signal = new AbortController().signal;
  const reading = { frame, since: 60 * minute, least: 0.5, tags: site };

  beforeAll(async () => {
    const folder = parts.use(await temporaryFolder());
    const path = folder.file("store.sqlite");
    const options = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
    store = parts.use(await openStore(options, realPlatform()));
    const lines = [
      ...minutely(
        "energy_meter",
        { device: "board" },
        { active_power_w: 6000, apparent_power_va: 6900, q: 0 },
      ),
      ...["L1", "L2", "L3"].flatMap((phase, at) => [
        ...minutely("meter_phase", { device: "board", phase }, { current_a: 8 + 2 * at, q: 0 }),
      ]),
      ...minutely("pdu_breaker", { device: "strip", breaker: "1" }, { current_a: 13, q: 0 }),
      ...minutely("pdu_breaker", { device: "strip", breaker: "2" }, { current_a: 5, q: 0 }),
      ...minutely("energy_meter", { device: "dead" }, { active_power_w: 1, q: 4 }),
      ...minutely("energy_meter", { device: "spare" }, { active_power_w: 700, q: 0 }),
      ...minutely("energy_meter", { device: "board", site: "elsewhere" }, { active_power_w: 1e6 }),
      // A roll-up that was kept of the first half hour, and says otherwise than the rows.
      ...[0, 5, 10, 15, 20, 25].map((at): Line => {
        const fields = { mean_active_power_w: 600, active_power_w_count: 5 };
        const tags = { ...site, device: "spare" };
        return { measurement: "energy_meter_5m", tags, fields, time: begin + at * minute };
      }),
    ];
    const { rejected } = await store.write(lines, signal);
    expect(rejected).toEqual([]);
    measured = await readMeasured(topology, store, { reading, signal });
  });
  afterAll(() => parts.disposeAsync());

  test("is the right channel, of this site, with what stands beside it", () => {
    const { elements } = capacityOf(topology, measured);
    const board = elements.find(({ element }) => element.id === "board");
    expect(board?.usage.watts).toEqual({ now: 6000, p95: 6000, peak: 6000, coverage: 1 });
    expect(board?.usage.voltAmperes.p95).toBe(6900);
    expect(board?.use).toMatchObject({ unit: "A", phase: "L3", used: 12, limit: 32 });
    const breaker = elements.find(({ element }) => element.id === "cb");
    expect(breaker?.usage.voltAmperes.p95).toBe(5 * 230);
    expect(breaker?.use).toMatchObject({ phase: "L1", used: 5, limit: 12.8 });
    expect(breaker?.usage.assumed).toEqual(["cb: 230 V", "cb: power factor 1"]);
  });

  test("is the second meter where the first gives only bad rows, roll-ups before rows", () => {
    const dead = measured.meters.get("dead");
    const values = [...(dead?.series[0]?.values ?? [])];
    expect(values).toEqual([600, 600, 600, 600, 600, 600, 700, 700, 700, 700, 700, 700]);
  });

  test("of a time before any row is no meter at all", async () => {
    const before = { from: begin - 60 * minute, to: begin, every: 5 * minute };
    const none = { ...reading, frame: before };
    const { meters } = await readMeasured(topology, store, { reading: none, signal });
    expect(meters.size).toBe(0);
  });
});
