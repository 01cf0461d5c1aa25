/** From one page to the points of a device, as its profile says. */
import type { Code, Fault, FieldValue, Point } from "../../telemetry/index.ts";
import { GatewayError, quality, withRangeQuality } from "../../telemetry/index.ts";
import { rounded, valueOf } from "../polled.ts";
import type { Counts } from "./counts.ts";
import type { Families } from "./page.ts";
import type { FieldPlan, FormPlan, RowPlan } from "./rows.ts";
import type { Slices } from "./slices.ts";
import type { Value } from "./values.ts";
import { RowView } from "./values.ts";

/** Points of one reading. */
const maxPoints = 4096;
const maxFaults = 32;
/** Of a tag's value. [register] @unit characters */
const longestChannel = 64;

export interface Filling {
  readonly families: Families;
  readonly counts: Counts;
  /** @see PrometheusHeader */
  readonly blank: number | undefined;
  /** Values dated before this are stale. @unit ms since 1970-01-01 UTC */
  readonly staleBefore: number;
  /** Told of each value before it is made a field. */
  readonly found: (place: FieldPlace, raw: string) => void;
}

interface Filled {
  readonly measurement: string;
  readonly tag: string | undefined;
  readonly channel: string;
  readonly fields: Record<string, FieldValue>;
  stale: boolean;
}

export class Points {
  readonly faults: Fault[] = [];
  readonly #filling: Filling;
  /** By measurement, then by channel: rows of one channel are one point. */
  readonly #filled = new Map<string, Map<string, Filled>>();
  #count = 0;
  #tooMany = false;

  constructor(filling: Filling) {
    this.#filling = filling;
  }

  /** The points of all rows that were filled. */
  all(): Point[] {
    return [...this.#filled.values()].flatMap((channels) => [...channels.values()].map(pointOf));
  }

  channelsOf(measurement: string): ReadonlySet<string> {
    return new Set(this.#filled.get(measurement)?.keys());
  }

  async fill(row: RowPlan, slices: Slices): Promise<void> {
    const { families, blank } = this.#filling;
    const view = new RowView(row, families, blank);
    for (const field of row.fields) {
      if (slices.over) await slices.rest();
      if (this.#fillField(row, field, view)) continue;
      const needed = field.forms.find(({ form }) => form.required === true);
      if (needed !== undefined) this.fault("E_DEVICE_REFUSED", `${needed.at}: not on the page`);
    }
  }

  fault(code: Code, at: string): void {
    if (this.faults.length < maxFaults) this.faults.push({ code, at });
  }

  /** Of each channel the first form that gives a value counts; tells whether any did. */
  #fillField(row: RowPlan, field: FieldPlan, view: RowView): boolean {
    const done = new Set<string>();
    for (const plan of field.forms) {
      for (const [channel, value] of view.valuesOf(plan)) {
        if (done.has(channel)) continue;
        done.add(channel);
        this.#put({ row, field, plan, channel }, value);
      }
    }
    return done.size > 0;
  }

  #put(place: FieldPlace, value: Value): void {
    const filled = this.#rowOf(place);
    if (filled === undefined) return;
    const { row, field, channel } = place;
    const { counts, staleBefore, found } = this.#filling;
    found(place, value.raw);
    try {
      const made = fieldOf(place, value, counts);
      if (made === undefined) return;
      filled.fields[field.name] = made;
      if (value.time !== undefined && value.time < staleBefore) filled.stale = true;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== "E_VALUE") throw error;
      const named = channel === "" ? "" : ` ${row.tag}=${channel}`;
      this.fault("E_VALUE", `${row.measurement}${named} ${field.name}: ${value.raw}`);
    }
  }

  #rowOf({ row: { measurement, tag }, channel }: FieldPlace): Filled | undefined {
    const channels = this.#filled.get(measurement) ?? new Map<string, Filled>();
    const known = channels.get(channel);
    if (known !== undefined) return known;
    if (this.#count >= maxPoints) {
      if (!this.#tooMany) this.fault("E_DEVICE_FRAME", `more than ${maxPoints} channels`);
      this.#tooMany = true;
      return undefined;
    }
    if (tag !== undefined && !isChannel(channel)) {
      this.fault("E_VALUE", `${measurement} ${tag}: a name of ${channel.length} characters`);
      return undefined;
    }
    const filled = { measurement, tag, channel, fields: {}, stale: false };
    this.#filled.set(measurement, channels.set(channel, filled));
    this.#count += 1;
    return filled;
  }
}

function pointOf({ measurement, tag, channel, fields, stale }: Filled): Point {
  const ranged = withRangeQuality(measurement, fields);
  const values = stale ? { ...ranged, q: quality.stale } : ranged;
  if (tag === undefined) return { measurement, fields: values };
  return { measurement, tags: { [tag]: channel }, fields: values };
}

/** Where a value belongs, and where it comes from. */
export interface FieldPlace {
  readonly row: RowPlan;
  readonly field: FieldPlan;
  readonly plan: FormPlan;
  readonly channel: string;
}

/** Printable, so that no name can break a line anywhere. */
function isChannel(name: string): boolean {
  return name !== "" && name.length <= longestChannel && !/\p{Cc}/u.test(name);
}

/** The register's value; undefined: none now. @throws E_VALUE */
function fieldOf(
  { row, field, plan: { form }, channel }: FieldPlace,
  { value, text, series }: Value,
  counts: Counts,
): FieldValue | undefined {
  if (text !== undefined && form.states === undefined) return valueOf(text, form, field.type);
  if (text !== undefined) return stateOf(text, form.states);
  if (!field.counter && form.rate !== true) return valueOf(rounded(value), form, field.type);
  const key = `${row.measurement} ${channel} ${field.name}`;
  const grown = form.rate === true ? counts.rate(key, value) : value;
  if (grown === undefined) return undefined;
  if (!field.counter) return valueOf(grown, form, field.type);
  const { scale = 1, offset = 0 } = form;
  return valueOf(counts.next(key, grown * scale + offset, series), {}, field.type);
}

/** @throws E_VALUE */
function stateOf(text: string, states: Readonly<Record<string, number>> = {}): number {
  const state = Object.hasOwn(states, text) ? states[text] : undefined;
  if (state !== undefined) return state;
  throw new GatewayError("E_VALUE", `the profile gives "${text}" no state`);
}
