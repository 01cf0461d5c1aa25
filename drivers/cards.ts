/**
 * What the drivers of accelerator cards share: rows in the making, to which several outputs of the
 * maker's tool add their values, and the points made of them. One row is one point.
 *
 * Limit: `maxRows` a reading; what is beyond is left out (a machine has 16 cards of 18 links).
 */
import type { Fault, FieldValue, Point } from "../telemetry/index.ts";
import { fieldFacts, quality, withRangeQuality } from "../telemetry/index.ts";
import type { Trace } from "./contract.ts";

const maxRows = 4096;

/** @unit characters */
const longestNews = 256;

export interface CardValue {
  readonly value: number;
  /** Which output and where in it: `power.draw.instant`. */
  readonly at: string;
  /** What stood there. */
  readonly raw: string;
}

/** One card, link or part of a card: the values by field. */
export class CardRow {
  readonly measurement: string;
  /** The channel tag and its value. */
  readonly channel: readonly [tag: string, name: string];
  readonly values = new Map<string, CardValue>();

  constructor(measurement: string, channel: readonly [tag: string, name: string]) {
    this.measurement = measurement;
    this.channel = channel;
  }

  /** Sets a field that has no value yet: the first output that knows it counts. */
  add(field: string, value: CardValue | undefined): void {
    if (value === undefined || this.values.has(field) || !Number.isFinite(value.value)) return;
    this.values.set(field, value);
  }
}

/** The rows and faults of one reading. */
export class CardSheet {
  readonly faults: Fault[] = [];
  /** What happened since the last reading, in words; told as one event. */
  readonly news: string[] = [];
  readonly #rows = new Map<string, CardRow>();

  /** The row of this card or link; one that is begun here when there is none. */
  row(measurement: string, channel: readonly [tag: string, name: string]): CardRow {
    const key = `${measurement} ${channel[1]}`;
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const made = new CardRow(measurement, channel);
    if (this.#rows.size < maxRows) this.#rows.set(key, made);
    return made;
  }

  /** The row of a card that this reading is about already. */
  card(tag: string): CardRow | undefined {
    return this.#rows.get(`accelerator ${tag}`);
  }

  /** The points; rows without a value are none. `trace` is told of each value. */
  points(trace: (trace: Trace) => void): Point[] {
    return [...this.#pointsOfRows(trace), ...this.#event(trace)];
  }

  #event(trace: (trace: Trace) => void): Point[] {
    if (this.news.length === 0) return [];
    const measurement = "device_event";
    const message = this.news.join("; ").slice(0, longestNews);
    trace({ measurement, channel: "", field: "message", at: "kernel log", raw: message });
    return [{ measurement, fields: { message, severity_state: health.critical, q: quality.good } }];
  }

  #pointsOfRows(trace: (trace: Trace) => void): Point[] {
    return [...this.#rows.values()]
      .filter(({ values }) => values.size > 0)
      .map((row) => {
        const { measurement, channel, values } = row;
        const fields: Record<string, FieldValue> = {};
        for (const [field, { value, at, raw }] of values) {
          const whole = fieldFacts(measurement, field)?.type === "integer";
          if (whole && !Number.isSafeInteger(Math.round(value))) {
            this.faults.push({ code: "E_VALUE", at: `${channel.join(" ")} ${field}: ${raw}` });
            continue;
          }
          fields[field] = whole ? Math.round(value) : value;
          trace({ measurement, channel: channel[1], field, at, raw: raw === "" ? "-" : raw });
        }
        fields["q"] = quality.good;
        const tags = { [channel[0]]: channel[1] };
        return { measurement, tags, fields: withRangeQuality(measurement, fields) };
      });
  }
}

/** Bits of `throttle_code`, the same for every maker. */
export const throttle = { idle: 1, powerCap: 2, hardware: 4, thermal: 8, other: 16 } as const;

/** Values of `health_state`. */
export const health = { good: 0, warning: 1, critical: 2, absent: 3 } as const;

/** A number alone in a text, as these tools print it; undefined for anything else. */
export function numberIn(text: string): number | undefined {
  if (!/^[+-]?\d{1,20}(\.\d{1,12})?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** A number in another unit, without the dust of binary fractions: 662 mV are 0.662 V. */
export function scaled(value: number, scale: number): number {
  return scale === 1 ? value : Number((value * scale).toPrecision(15));
}

/** MiB, which these tools call MB or MiB alike. @unit bytes */
export const mebibyte = 1024 * 1024;

/** What a tool said, in one line and cut short, for a message. */
export function saidIn(...texts: readonly string[]): string {
  const words = texts.join(" ").replaceAll(/\s+/g, " ").trim();
  return words.length > 300 ? `${words.slice(0, 300)}…` : words;
}

/** Cards remembered: more than a machine has. */
const maxCards = 64;

/** The cards that were here once: one that is missing later is a fault, and a row that says so. */
export class CardRoll {
  readonly #seen = new Set<string>();

  /** Takes in which cards there are now, by tag, and tells of those that are not. */
  call(present: ReadonlySet<string>, sheet: CardSheet): void {
    for (const tag of present) if (this.#seen.size < maxCards) this.#seen.add(tag);
    for (const tag of this.#seen) {
      if (present.has(tag)) continue;
      const why = "is no longer listed";
      sheet.faults.push({ code: "E_DEVICE_REFUSED", at: `gpu ${tag}: ${why}` });
      const row = sheet.row("accelerator", ["gpu", tag]);
      row.add("health_state", { value: health.absent, at: "list of cards", raw: why });
    }
  }
}
