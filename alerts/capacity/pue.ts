/**
 * Power usage effectiveness (ISO/IEC 30134-2): energy of the whole site over that of its IT, from
 * counters, over one span for both. Below twelve months it is an interim PUE.
 */
import type { Element, Series, Topology } from "../../config/index.ts";
import { measuredPower } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { channelTagOf, measurementEntry } from "../../telemetry/index.ts";
import type { Reading } from "./read-fields.ts";

/** Where the energy of IT is measured: at the UPS, at the PDU, at the equipment. */
export type PueCategory = 1 | 2 | 3;

export type Pue =
  | {
      readonly ratio: number;
      readonly category: PueCategory;
      /** @unit Wh */
      readonly facility: number;
      /** @unit Wh */
      readonly it: number;
      /** Both ends. @unit ms since 1970-01-01 UTC */
      readonly from: number;
      readonly to: number;
      /** Share of the time asked for that lies between both ends. */
      readonly coverage: number;
    }
  | { readonly ratio: undefined; readonly why: string };

const hour = 3_600_000;

/** Counters of energy, as the measurements name them. */
const counters = ["energy_wh_total", "import_wh_total"] as const;

interface Side {
  readonly series: readonly Series[];
  readonly category?: PueCategory;
}

/** @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY */
export async function pueOf(
  topology: Topology,
  store: Pick<Store, "query">,
  asking: { readonly reading: Reading; readonly signal: AbortSignal },
): Promise<Pue> {
  const facility = facilityOf(topology);
  if (typeof facility === "string") return { ratio: undefined, why: facility };
  const it = itOf(topology);
  if (typeof it === "string") return { ratio: undefined, why: it };
  const all = [...facility.series, ...it.series];
  const read: ReadonlyMap<number, number>[] = [];
  for (const series of all) {
    const hours = await readHours(series, store, asking);
    if (hours.size < 2) return { ratio: undefined, why: `no energy of ${series.device} is stored` };
    if (falls(hours))
      return { ratio: undefined, why: `the counter of ${series.device} has fallen` };
    read.push(hours);
  }
  const [first] = read;
  const shared = [...(first?.keys() ?? [])].filter((at) => read.every((one) => one.has(at)));
  const [from, to] = [shared[0], shared.at(-1)];
  if (from === undefined || to === undefined || from === to) {
    return { ratio: undefined, why: "the counters have no two hours in common" };
  }
  const rise = (some: readonly ReadonlyMap<number, number>[]): number =>
    some.reduce((sum, one) => sum + (one.get(to) ?? 0) - (one.get(from) ?? 0), 0);
  const total = rise(read.slice(0, facility.series.length));
  const used = rise(read.slice(facility.series.length));
  if (used <= 0) return { ratio: undefined, why: "the energy of IT does not rise" };
  if (total < used) {
    return { ratio: undefined, why: "IT takes more than the whole site: look at the meters" };
  }
  return {
    ratio: total / used,
    category: it.category ?? 1,
    facility: total,
    it: used,
    from,
    to,
    coverage: (to - from) / asking.reading.since,
  };
}

/** The site's own meter, else those of all sources. */
function facilityOf(topology: Topology): Side | string {
  const sources = [...topology.elements.values()].filter(({ kind }) => kind === "source");
  const series = sources.map(countersOf);
  const dumb = sources.find((_, at) => series[at] === undefined);
  if (dumb !== undefined) return `${dumb.id} has no meter with a counter of energy`;
  if (sources.length === 0) return "the topology has no source";
  return { series: series.flatMap((one) => one ?? []) };
}

/** At the equipment or the PDUs where all racks are measured there, else at all UPS. */
function itOf(topology: Topology): Side | string {
  const all = [...topology.elements.values()];
  const racks = all.filter(({ kind }) => kind === "rack");
  const measured = racks.map(({ id }) => measuredPower(topology, id));
  const by = measured.flatMap((one) => one.by).map((id) => topology.element(id));
  const series = by.map(countersOf);
  const whole = measured.every(({ missing }) => missing.length === 0);
  if (racks.length > 0 && whole && series.every((one) => one !== undefined)) {
    const category = by.every(({ kind }) => kind === "load") ? 3 : 2;
    return { series: series.flatMap((one) => one ?? []), category };
  }
  const ups = all.filter(({ kind }) => kind === "ups");
  const outputs = ups.map(countersOf);
  const nested = ups.some(({ id }) => topology.upstream(id).some(({ kind }) => kind === "ups"));
  if (ups.length === 0 || nested || outputs.includes(undefined)) {
    return "neither all racks nor all UPS have meters with counters of energy";
  }
  return { series: outputs.flatMap((one) => one ?? []), category: 1 };
}

/** The counters beside the power of an element; undefined where its meter has none. */
function countersOf({ meters: [way] }: Element): readonly Series[] | undefined {
  const found = way?.flatMap((series): Series[] => {
    const fields = measurementEntry(series.measurement)?.fields ?? {};
    const field = counters.find((name) => Object.hasOwn(fields, name));
    return field === undefined ? [] : [{ ...series, field }];
  });
  return found === undefined || found.length !== way?.length ? undefined : found;
}

function falls(hours: ReadonlyMap<number, number>): boolean {
  const values = [...hours.values()];
  return values.some((value, at) => value < (values[at - 1] ?? value));
}

/** The last reading of each hour, in order. */
async function readHours(
  { device, measurement, channel, field }: Series,
  store: Pick<Store, "query">,
  { reading, signal }: { readonly reading: Reading; readonly signal: AbortSignal },
): Promise<ReadonlyMap<number, number>> {
  const tag = channelTagOf(measurement);
  const on = tag === undefined || channel === "" ? {} : { [tag]: channel };
  const where = { ...reading.tags, device, ...on };
  const { to } = reading.frame;
  const span = { from: to - reading.since, to, every: hour };
  const asked = { measurement, fields: [field], aggregate: "last", where, ...span } as const;
  const series = await store.query({ ...asked, worstQuality: 1 }, signal);
  const found = new Map<number, number>();
  for (const { time, values } of series.flatMap(({ rows }) => rows)) {
    const value = values[field];
    if (typeof value === "number") found.set(time, value);
  }
  return found;
}
