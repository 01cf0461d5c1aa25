/**
 * Half a day of a small site with all that makes sums hard: gaps, doubtful rows, power that flows
 * back, rows of another site, phases, meters of two kinds; and what the hub says of it.
 */
import type { Capacity, Pue, Questions } from "../../../alerts/index.ts";
import { capacityOf, energyOf, inOneGo, questionsOf, readMeasured } from "../../../alerts/index.ts";
import type { Offer, Topology } from "../../../config/index.ts";
import { v } from "../../../config/index.ts";
import type { Store } from "../../../store/index.ts";
import { openStore, storeOptions } from "../../../store/index.ts";
import type { Fields, Line, Tags } from "../../../telemetry/index.ts";
import { siteOf } from "../../config/topology/sites.ts";
import type { Folder } from "../../store/rig.ts";
import { realPlatform } from "../../store/rig.ts";

export const place = { region: "local", org: "main", site: "lab" };
export const since = 12 * 3_600_000;
export const until = Date.UTC(2025, 2, 29);
const every = 300_000;
/** Two rows a window. */
const poll = 150_000;

/** Three racks on two feeds; `mixed`: one PDU of r03 is metered by another kind of meter. */
export function topologyWith(mixed: boolean): Topology {
  const meters = ["1a", "1b", "2a", "2b", "3a", "3b"].map((name) => `meter-${name}`);
  const offered = (device: string): readonly Offer[] =>
    device === "main" || (mixed && device === "meter-3b")
      ? [{ measurement: "energy_meter", channels: [], fields: ["active_power_w"] }]
      : [{ measurement: "rack_power", channels: ["inlet1"], fields: ["active_power_w"] }];
  return siteOf(
    `
redundancy: 2N
feeds: [A, B]
rooms: { hall: { power: 16kW } }
racks:
  r01: { room: hall, power: 6kW }
  r02: { room: hall, power: 9kW }
  r03: { room: hall, power: 3kW }
equipment:
  grid: { kind: source, apparent: 100kVA, meters: main }
  ups-a: { kind: ups, feed: A, fedBy: grid, apparent: 12kVA }
  ups-b: { kind: ups, feed: B, fedBy: grid, apparent: 20kVA }
  cb-1a: { kind: breaker, fedBy: ups-a, current: 16A }
  cb-3a: { kind: breaker, fedBy: ups-a, phases: L1, current: 20A }
  strip:
    kind: breaker
    fedBy: ups-b
    phases: L2
    current: 16A
    meters: { device: strip, measurement: pdu_breaker, channel: "2" }
  fan: { kind: load, fedBy: strip, power: 1kW }
  dark: { kind: breaker, fedBy: ups-b, current: 16A }
  pump: { kind: load, fedBy: dark, power: 1kW }
  pdu-1a: { kind: pdu, rack: r01, fedBy: cb-1a, meters: meter-1a }
  pdu-1b: { kind: pdu, rack: r01, fedBy: ups-b, meters: meter-1b }
  pdu-2a: { kind: pdu, rack: r02, fedBy: ups-a, meters: meter-2a }
  pdu-2b: { kind: pdu, rack: r02, fedBy: ups-b, meters: meter-2b }
  pdu-3a: { kind: pdu, rack: r03, fedBy: cb-3a, meters: meter-3a }
  pdu-3b: { kind: pdu, rack: r03, fedBy: ups-b, meters: meter-3b }
`,
    [
      ...["main", ...meters].map((id) => ({ id, offers: offered(id) })),
      {
        id: "strip",
        offers: [{ measurement: "pdu_breaker", channels: ["1", "2"], fields: ["current_a"] }],
      },
    ],
  );
}

/** Watts that no two meters share. */
function watts(meter: number, time: number): number {
  const hour = (time % 86_400_000) / 3_600_000;
  const noise = 40 * Math.sin((time / poll) * 12.9898 + meter);
  return 800 + 300 * meter + 200 * Math.sin((2 * Math.PI * hour) / 24) + noise;
}

/** The half day, and the hour before it that must not count. */
export function* linesOf(): Generator<Line> {
  for (let time = until - since - 3_600_000; time < until; time += poll) {
    const window = Math.floor(time / every);
    for (const [at, name] of ["1a", "1b", "2a", "2b", "3a", "3b"].entries()) {
      // A meter that is silent every seventh window, for hours at the end of it.
      if (name === "2b" && window % 7 === 3) continue;
      const device = `meter-${name}`;
      const backwards = name === "1a" && window % 100 < 2 ? -3000 : 0;
      const active = watts(at, time) + backwards;
      const energy = Math.floor((watts(at, until) * (time - until + 8 * since)) / 3_600_000);
      const power = { active_power_w: active, apparent_power_va: Math.abs(active) / 0.95 };
      yield* metered("rack_power", { device, feed: "inlet1" }, time, {
        ...power,
        energy_wh_total: energy,
      });
      if (name === "3b") {
        yield* metered("energy_meter", { device }, time, { ...power, import_wh_total: energy });
      }
      for (const [phase, share] of Object.entries({ L1: 0.3, L2: 0.33, L3: 0.37 })) {
        const tags = { device, phase };
        yield* metered("rack_phase", tags, time, { current_a: (share * Math.abs(active)) / 230 });
      }
    }
    const all = 1.4 * [0, 1, 2, 3, 4, 5].reduce((sum, at) => sum + watts(at, time), 0);
    const import_wh_total = Math.floor((15_000 * (time - until + 8 * since)) / 3_600_000);
    const power = { active_power_w: all, apparent_power_va: all / 0.9 };
    yield* metered("energy_meter", { device: "main" }, time, { ...power, import_wh_total });
    yield* metered("pdu_breaker", { device: "strip", breaker: "2" }, time, { current_a: 4.5 });
    yield* metered("pdu_breaker", { device: "strip", breaker: "1" }, time, { current_a: 99 });
  }
}

/** A row, at times a doubtful one beside it, and the same device at another site. */
function* metered(measurement: string, tags: Tags, time: number, fields: Fields): Generator<Line> {
  const wild = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      name.endsWith("_total") ? value : 1e5 * (1 + Number(value)),
    ]),
  );
  yield { measurement, tags: { ...place, ...tags }, fields: { ...fields, q: 0 }, time };
  if (time % (9 * poll) === 0) {
    const doubtful = { ...wild, q: 2 };
    yield { measurement, tags: { ...place, ...tags }, fields: doubtful, time: time + 7000 };
  }
  yield { measurement, tags: { ...place, site: "elsewhere", ...tags }, fields: wild, time };
}

export async function fill(store: Store): Promise<void> {
  const signal = new AbortController().signal;
  const all = [...linesOf()];
  for (let at = 0; at < all.length; at += 5000) {
    const { rejected } = await store.write(all.slice(at, at + 5000), signal);
    if (rejected.length > 0) throw new Error(rejected[0]?.reason);
  }
}

/** The embedded store with the half day in it. */
export async function filledStore(folder: Folder): Promise<Store> {
  const path = folder.file("store.sqlite");
  const options = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
  const store = await openStore(options, realPlatform());
  await fill(store);
  return store;
}

/** What the hub says of it. */
export interface Said {
  readonly questions: Questions;
  readonly capacity: Capacity;
  readonly pue: Pue;
}

export async function hubSays(store: Store, mixed: boolean): Promise<Said> {
  const topology = topologyWith(mixed);
  const frame = { from: until - since, to: until, every };
  const reading = { frame, since, least: 0.5, tags: place };
  const asking = { reading, signal: new AbortController().signal };
  const measured = await readMeasured(topology, store, asking);
  return {
    questions: questionsOf(topology, place),
    capacity: capacityOf(topology, measured),
    pue: (await energyOf(topology, store, { ...asking, pace: inOneGo })).pue,
  };
}

/** What a query tells of `W`, `VA` or a phase of an element. */
export type Told = Readonly<Partial<Record<keyof Figure, unknown>>>;

export interface Figure {
  readonly now: number | undefined;
  readonly p95: number | undefined;
  readonly peak: number | undefined;
  readonly mean: number | undefined;
  readonly coverage: number;
  readonly left: number | undefined;
  readonly unbalance: number | undefined;
}

/** The hub's own. */
export function figureOf({ capacity }: Said, id: string, quantity: string): Figure {
  const found = capacity.elements.find(({ element }) => element.id === id);
  if (found === undefined) throw new Error(`no element ${id}`);
  const { usage, imbalance, element } = found;
  const { power, apparent, current } = element.rating;
  const phase = element.phases.find((one) => one === quantity);
  const amperes = current === undefined ? undefined : current * element.derate;
  const [stat, limit] =
    quantity === "W"
      ? [usage.watts, power]
      : quantity === "VA"
        ? [usage.voltAmperes, apparent]
        : [phase === undefined ? undefined : usage.amperes[phase], amperes];
  if (stat === undefined) throw new Error(`the hub does not know ${quantity} of ${id}`);
  const { now, p95, peak, coverage } = stat;
  const known = [...(usage.samples ?? [])].filter(Number.isFinite);
  const mean = known.reduce((sum, one) => sum + one, 0) / known.length;
  return {
    now,
    p95,
    peak,
    coverage,
    mean: quantity === "W" ? mean : undefined,
    left: limit === undefined || p95 === undefined ? undefined : limit - p95,
    unbalance: phase === undefined ? undefined : imbalance,
  };
}

/**
 * Where a query says otherwise than the hub: `r01 W p95: 12 instead of 13`.
 * @param within share by which p95 may differ where windows are missing
 */
export function differences(
  said: Said,
  [id, quantity, told]: readonly [string, string, Told],
  within = 0,
): readonly string[] {
  const figure = figureOf(said, id, quantity);
  const names = ["now", "p95", "peak", "mean", "coverage", "left", "unbalance"] as const;
  return names.flatMap((name) => {
    if (!(name in told)) return [];
    const [given, right] = [told[name] ?? undefined, figure[name]];
    // The hub keeps no mean of volt-amperes and amperes.
    if (name === "mean" && right === undefined) return [];
    const loose = figure.coverage < 1 && (name === "p95" || name === "left") ? within : 0;
    const scale = name === "left" ? (figure.p95 ?? 0) : (right ?? 0);
    const near =
      right === undefined
        ? given === undefined
        : Math.abs(Number(given ?? Number.NaN) - right) <= (loose + 1e-9) * Math.abs(scale);
    return near ? [] : [`${id} ${quantity} ${name}: ${JSON.stringify(given)}, not ${right}`];
  });
}
