/** From one message of a station to points: which values, whose channel, what quality. */
import type { Fault, Point } from "../../telemetry/index.ts";
import { quality, withRangeQuality } from "../../telemetry/index.ts";
import type { Heard, Trace } from "../contract.ts";
import type { Factor } from "./factors.ts";
import { factors as known, qualityOf } from "./factors.ts";
import type { FactorFacts } from "./segment.ts";
import { momentOf, parseContent } from "./segment.ts";

/** What a command's values are: which fact of a factor, and the channel they go to. */
export interface Kind {
  readonly facts: readonly string[];
  readonly channel: string;
}

/** Commands that carry measurements. [HJ-212-2017 6.6.4] */
export const kinds: ReadonlyMap<string, Kind> = new Map([
  ["2011", { facts: ["Rtd", "Avg"], channel: "station" }],
  ["2051", { facts: ["Avg", "Rtd"], channel: "minute" }],
  ["2061", { facts: ["Avg", "Rtd"], channel: "hour" }],
  ["2031", { facts: ["Avg", "Rtd"], channel: "day" }],
]);

export interface Extra {
  readonly code: string;
  readonly measurement: string;
  readonly field: string;
  readonly scale: number;
}

export interface ReadingParts {
  readonly kind: Kind;
  readonly system: string;
  readonly content: string;
  /** @unit ms */
  readonly zone: number;
  /** The user's own factors, which win. */
  readonly own: ReadonlyMap<string, Factor>;
}

/** Faults told with one reading at most. */
const maxFaults = 8;

interface Row {
  readonly measurement: string;
  readonly channel: string;
  readonly q: number;
  readonly fields: Record<string, number>;
}

/**
 * The reading of a whole message. Values that are not good stand in a row of their own, whose
 * channel names the factor: one instrument under calibration must not spoil the others' row.
 */
export function readingOf({ kind, system, content, zone, own }: ReadingParts): Heard {
  const { time, factors } = parseContent(content);
  const rows = new Map<string, Row>();
  const faults: Fault[] = [];
  const traces: Trace[] = [];
  for (const [code, factor] of [...own, ...known]) {
    const facts = factors.get(code);
    const found = facts && valueOf(facts, kind);
    if (facts === undefined || found === undefined) continue;
    const at = `${code}-${found.fact}`;
    const value = Number(factor.toField(found.value, system).toPrecision(12));
    if (!Number.isFinite(value)) {
      if (faults.length < maxFaults) faults.push({ code: "E_VALUE", at });
      continue;
    }
    const q = qualityOf(facts.get("Flag"));
    const { measurement, field } = factor;
    const channel = q === quality.good ? kind.channel : `${kind.channel}-${code}`;
    const key = `${measurement} ${channel}`;
    const row = rows.get(key) ?? { measurement, channel, q, fields: {} };
    rows.set(key, row);
    // The user's own code, or the better of two, came first.
    if (Object.hasOwn(row.fields, field)) continue;
    row.fields[field] = value;
    traces.push({ measurement, channel, field, at, raw: found.raw });
  }
  return { reading: { points: [...rows.values()].map(pointOf), faults }, traces, ...timeOf(time) };

  function timeOf(text: string): { readonly time?: number } {
    const moment = momentOf(text, zone);
    return moment === undefined ? {} : { time: moment };
  }
}

function pointOf({ measurement, channel, q, fields }: Row): Point {
  const tags = { sensor: channel };
  return { measurement, tags, fields: withRangeQuality(measurement, { ...fields, q }) };
}

interface FoundValue {
  readonly fact: string;
  readonly raw: string;
  readonly value: number;
}

function valueOf(facts: FactorFacts, { facts: names }: Kind): FoundValue | undefined {
  for (const fact of names) {
    const raw = facts.get(fact);
    if (raw === undefined || raw === "") continue;
    const number = /^[-+]?\d*\.?\d+(e[-+]?\d+)?$/i.test(raw) ? Number(raw) : Number.NaN;
    return { fact, raw: raw.slice(0, 64), value: number };
  }
  return undefined;
}
