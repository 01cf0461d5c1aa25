/**
 * Points as metrics of Sparkplug B. A field is a metric `measurement/channel/field`, its unit the
 * property `engUnit` (and its code in UCUM `ucum`), the row's quality the property `Quality`. A
 * metric has one alias for as long as the agent runs.
 *
 * Bounds: `maxMetrics` an edge node, `maxOfDevice` of them one device's, so that no birth holds up
 * the event loop; fields beyond are left out and counted.
 */
import type { FieldValue, Point } from "../../telemetry/index.ts";
import { fieldFacts, measurementEntry, quality } from "../../telemetry/index.ts";
import { dataTypes, int64 } from "./payload.ts";
import type { Message } from "./protobuf.ts";

export const maxMetrics = 20_000;
export const maxOfDevice = 5000;

/** Quality codes of Sparkplug 3.0 section 6.4.9.1. */
const qualities = { bad: 0, good: 192, stale: 500 } as const;

interface Metric {
  readonly name: string;
  readonly alias: bigint;
  readonly datatype: number;
  readonly properties: readonly (readonly [string, string])[];
  value: FieldValue | undefined;
  quality: number;
  /** @unit ms since 1970-01-01 UTC */
  time: number;
}

/** What the metrics of an edge node share. */
export class Aliases {
  #last = 0;
  /** Values that found no place, or were not of their metric's type. */
  left = 0;

  /** The next free one, or undefined when there are enough metrics. */
  next(): bigint | undefined {
    if (this.#last >= maxMetrics) return undefined;
    this.#last += 1;
    return BigInt(this.#last);
  }
}

/** What taking points gave. */
export interface Taken {
  /** A metric came up that no birth has listed yet. */
  readonly fresh: boolean;
  /** The metrics for a data message, by alias. */
  readonly data: readonly Message[];
}

/** The metrics of one device, or of the edge node itself, with their newest values. */
export class Metrics {
  readonly #aliases: Aliases;
  readonly #known = new Map<string, Metric>();

  constructor(aliases: Aliases) {
    this.#aliases = aliases;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Knows every field that the register has for a measurement without channel, as yet null. */
  expect(measurement: string, time: number): void {
    for (const field in measurementEntry(measurement)?.fields) {
      this.#metric({ measurement, fields: {} }, field, { time, value: undefined });
    }
  }

  take(points: readonly Point[], time: number): Taken {
    const before = this.#known.size;
    const data: Message[] = [];
    for (const point of points) {
      const code = qualityOf(point.fields["q"]);
      for (const [field, value] of Object.entries(point.fields)) {
        if (field === "q") continue;
        const metric = this.#metric(point, field, { time, value });
        const held = metric === undefined ? undefined : valueOf(metric.datatype, value);
        if (metric === undefined || held === undefined) {
          this.#aliases.left += 1;
          continue;
        }
        const turned = metric.quality !== code;
        metric.value = value;
        metric.quality = code;
        metric.time = time;
        const said = turned ? { properties: propertiesOf({ quality: code, properties: [] }) } : {};
        data.push({ alias: metric.alias, timestamp: BigInt(time), ...said, ...held });
      }
    }
    return { fresh: this.#known.size > before, data };
  }

  /** Every metric as a birth lists it: name, alias, type, properties, newest value. */
  birth(): Message[] {
    return [...this.#known.values()].map((metric) => {
      const { name, alias, datatype, value, time } = metric;
      const held = value === undefined ? { is_null: true } : valueOf(datatype, value);
      const properties = propertiesOf(metric);
      return { name, alias, timestamp: BigInt(time), datatype, properties, ...held };
    });
  }

  #metric(
    { measurement, tags }: Point,
    field: string,
    { time, value }: { readonly time: number; readonly value: FieldValue | undefined },
  ): Metric | undefined {
    const channel = Object.values(tags ?? {})[0];
    const name = [measurement, ...(channel === undefined ? [] : [channel]), field].join("/");
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const alias = this.#known.size < maxOfDevice ? this.#aliases.next() : undefined;
    if (alias === undefined) return undefined;
    const facts = fieldFacts(measurement, field);
    const { ucum, shown } = facts?.unit ?? {};
    const metric: Metric = {
      name,
      alias,
      datatype: typeOf(facts?.type, value),
      properties: [
        ...(shown === undefined || shown === "" ? [] : [["engUnit", shown] as const]),
        ...(ucum === undefined ? [] : [["ucum", ucum] as const]),
      ],
      value: undefined,
      quality: value === undefined ? qualities.stale : qualities.good,
      time,
    };
    this.#known.set(name, metric);
    return metric;
  }
}

/** The register's type; for a field of the user's own, that of its first value. */
function typeOf(type: string | undefined, value: FieldValue | undefined): number {
  if (type === "text" || typeof value === "string") return dataTypes.string;
  return type === "integer" ? dataTypes.int64 : dataTypes.double;
}

function valueOf(datatype: number, value: FieldValue): Message | undefined {
  if (datatype === dataTypes.string) {
    return typeof value === "string" ? { string_value: value } : undefined;
  }
  if (typeof value !== "number") return undefined;
  if (datatype === dataTypes.double) return { double_value: value };
  return Number.isSafeInteger(value) ? { long_value: int64(value) } : undefined;
}

function qualityOf(q: FieldValue | undefined): number {
  if (q === undefined || q === quality.good || q === quality.substituted) return qualities.good;
  return q === quality.noCommunication ? qualities.bad : qualities.stale;
}

function propertiesOf({ quality: code, properties }: Pick<Metric, "quality" | "properties">) {
  return {
    keys: [...properties.map(([key]) => key), "Quality"],
    values: [
      ...properties.map(([, text]) => ({ type: dataTypes.string, string_value: text })),
      { type: dataTypes.int32, int_value: code },
    ],
  };
}
