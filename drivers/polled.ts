/**
 * What devices have in common that are asked frame by frame: rows of a profile at their own pace,
 * each field found somewhere in what the device answered, a number of the wire made one of the
 * register. The protocol says where a field stands (`at`) and how to get at it (`gather`).
 */
import type { Profile, ProfilePoint, Schema } from "../config/index.ts";
import { option, v } from "../config/index.ts";
import type { Fault, FieldValue, Point, Reading, Tags } from "../telemetry/index.ts";
import { fieldFacts, GatewayError, quality, withRangeQuality } from "../telemetry/index.ts";
import type { Planning } from "./polled-plan.ts";
import { readPlan } from "./polled-plan.ts";
import type { Group, Origin, ReadPlan, Session, Source, Trace } from "./contract.ts";

/** What becomes of the number on the wire: `value = raw * scale + offset`. */
export interface NumberForm {
  readonly scale?: number | undefined;
  readonly offset?: number | undefined;
  /** Numbers on the wire that mean "no value". */
  readonly none?: readonly number[] | undefined;
  /** Code on the wire, as text, to the register's state number. */
  readonly states?: Readonly<Record<string, number>> | undefined;
}

/** How a field of a profile says it. */
export const numberForm: {
  readonly [Key in keyof Required<NumberForm>]: Schema<NumberForm[Key]>;
} = {
  scale: v.optional(
    option(
      v.pipe(
        v.number(),
        v.check((scale) => scale !== 0, "must not be 0"),
      ),
      { about: "Factor from the wire's unit to the register's." },
    ),
  ),
  offset: v.optional(option(v.number(), { about: "Added after scaling." })),
  none: v.optional(option(v.array(v.number()), { about: "Numbers that mean no value." })),
  states: v.optional(
    option(v.record(v.string(), v.number()), { about: "Codes and the states they stand for." }),
  ),
};

/** A field at its row. */
export interface PlacedField<Field> {
  readonly name: string;
  readonly entry: Field;
  readonly wanted: "float" | "integer" | "text" | "any";
}

export interface Row<Field> {
  readonly measurement: string;
  readonly tags: Tags | undefined;
  /** The value of the channel tag, or empty. */
  readonly channel: string;
  readonly every: number | undefined;
  readonly fields: readonly PlacedField<Field>[];
}

/** What was on the wire for a field. */
export interface Found {
  readonly value: number | string;
  /** For people: the bytes or characters themselves. */
  readonly raw: string;
}

/** What a device answered. */
export interface Gathered<Field> {
  /** A field's part of it; undefined: the device has none now. @throws E_VALUE */
  readonly find: (field: Field) => Found | undefined;
  readonly faults: readonly Fault[];
  /** The device itself doubts its values. */
  readonly doubtful?: boolean;
}

export interface PolledParts<Field> {
  readonly id: string;
  readonly profile: Profile<unknown, Field>;
  readonly endpoint: Origin["endpoint"];
  /** Where a field is read, for people: `02010100 +0 ×2`. */
  readonly at: (field: Field) => string;
  /** What else `Origin` says of a field. */
  readonly form: (field: Field) => Readonly<Record<string, unknown>>;
  /** Asks for all that these fields need. @throws when nothing can be read */
  readonly gather: (fields: readonly Field[], signal: AbortSignal) => Promise<Gathered<Field>>;
  /** Left out where what a reading takes shows only when it is taken. */
  readonly planning?: Planning<Field>;
  readonly release: () => Promise<void>;
}

export class PolledSession<Field extends NumberForm> implements Session {
  readonly groups: readonly Group[];
  readonly plan?: (groups: readonly string[]) => ReadPlan;
  readonly #parts: PolledParts<Field>;
  readonly #rows: readonly Row<Field>[];
  readonly #ending = new AbortController();
  #released: Promise<void> | undefined;

  /** @throws E_PROFILE */
  constructor(parts: PolledParts<Field>) {
    this.#parts = parts;
    this.#rows = parts.profile.points.map((point) => rowOf(parts.profile.id, point));
    const paces = new Set(this.#rows.map((row) => row.every));
    this.groups = [...paces].map((every) => ({ name: groupName(every), every }));
    const { pace, exchanges } = parts.planning ?? {};
    if (pace === undefined || exchanges === undefined) return;
    this.plan = (wanted) => readPlan(exchanges(fieldsOf(this.#rowsOf(wanted))), pace);
  }

  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    const ending = this.#ending.signal;
    if (ending.aborted) throw closed(ending.reason);
    const rows = this.#rowsOf(groups);
    const both = AbortSignal.any([signal, ending]);
    const gathered = await this.#parts.gather(fieldsOf(rows), both);
    const faults = [...gathered.faults];
    const points = rows.flatMap((row) => this.#pointOf(row, gathered, { faults, trace }) ?? []);
    if (points.length === 0 && rows.length > 0) throw this.#nothing(faults);
    return { points, faults };
  }

  origin(): Origin {
    const { endpoint, at, form } = this.#parts;
    const sources = this.#rows.flatMap(({ measurement, channel, every, fields }) =>
      fields.map(({ name, entry }): Source => {
        const place = { measurement, channel, field: name, at: at(entry) };
        return { ...place, form: { ...form(entry), ...publishedForm(entry) }, every };
      }),
    );
    return { endpoint, sources };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new GatewayError("E_DISCONNECTED", "the session was closed"));
    this.#released ??= this.#parts.release();
    await this.#released;
  }

  #rowsOf(groups: readonly string[]): readonly Row<Field>[] {
    return this.#rows.filter(({ every }) => groups.includes(groupName(every)));
  }

  #nothing([first]: readonly Fault[]): GatewayError {
    const why = first === undefined ? "" : `: ${first.code} at ${first.at}`;
    const message = `${this.#parts.id}: it answers, but gives no value of its profile${why}`;
    return new GatewayError("E_DEVICE_REFUSED", message);
  }

  #pointOf(
    { measurement, tags, channel, fields }: Row<Field>,
    { find, doubtful }: Gathered<Field>,
    out: { readonly faults: Fault[]; readonly trace: ((trace: Trace) => void) | undefined },
  ): Point | undefined {
    const values: Record<string, FieldValue> = {};
    for (const { name, entry, wanted } of fields) {
      const at = this.#parts.at(entry);
      try {
        const found = find(entry);
        if (found === undefined) continue;
        out.trace?.({ measurement, channel, field: name, at, raw: found.raw });
        const value = valueOf(found.value, entry, wanted);
        if (value !== undefined) values[name] = value;
      } catch (error) {
        if (!(error instanceof GatewayError) || error.code !== "E_VALUE") throw error;
        out.faults.push({ code: error.code, at });
      }
    }
    if (Object.keys(values).length === 0) return undefined;
    const doubted = doubtful === true ? { ...values, q: quality.uncertain } : values;
    const ranged = withRangeQuality(measurement, doubted);
    return tags === undefined
      ? { measurement, fields: ranged }
      : { measurement, tags, fields: ranged };
  }
}

function fieldsOf<Field>(rows: readonly Row<Field>[]): readonly Field[] {
  return rows.flatMap((row) => row.fields.map(({ entry }) => entry));
}

function closed(cause: unknown): GatewayError {
  return new GatewayError("E_DISCONNECTED", "the session was closed", { cause });
}

function rowOf<Field>(id: string, point: ProfilePoint<Field>): Row<Field> {
  const { measurement, tags, every, repeat } = point;
  if (repeat !== undefined) {
    const why = `${id}: ${measurement}: this driver repeats no rows; write each one out`;
    throw new GatewayError("E_PROFILE", why);
  }
  const fields = Object.entries(point.fields).map(([name, entry]) => {
    return { name, entry, wanted: fieldFacts(measurement, name)?.type ?? "any" };
  });
  return { measurement, tags, channel: Object.values(tags ?? {})[0] ?? "", every, fields };
}

function publishedForm({ scale, offset, none, states }: NumberForm): Record<string, unknown> {
  return {
    ...(scale === undefined ? {} : { scale }),
    ...(offset === undefined ? {} : { offset }),
    ...(none === undefined ? {} : { none }),
    ...(states === undefined ? {} : { states }),
  };
}

/** A pace as a group's name: `60s`, or `default` for the device's interval. */
function groupName(every: number | undefined): string {
  if (every === undefined) return "default";
  return every % 1000 === 0 ? `${every / 1000}s` : `${every}ms`;
}

/**
 * The register's value of what was on the wire; undefined: a "no value" marker.
 * @throws E_VALUE
 */
export function valueOf(
  raw: number | string,
  { scale = 1, offset = 0, none = [], states }: NumberForm,
  wanted: PlacedField<unknown>["wanted"],
): FieldValue | undefined {
  if (typeof raw === "string") {
    if (wanted === "text" || wanted === "any") return raw === "" ? undefined : raw;
    throw new GatewayError("E_VALUE", "a text is not a number");
  }
  if (!Number.isFinite(raw) || none.includes(raw)) return undefined;
  if (states !== undefined) {
    const state = states[String(raw)];
    if (state !== undefined) return state;
    throw new GatewayError("E_VALUE", `the profile gives code ${raw} no state`);
  }
  if (wanted === "text") return String(raw);
  // Fifteen digits carry no rounding noise: 1.1 * 3 is 3.3, not 3.3000000000000003.
  const value = scale === 1 && offset === 0 ? raw : rounded(raw * scale + offset);
  const fitting = wanted === "integer" ? Math.round(value) : value;
  if (!Number.isFinite(fitting)) return undefined;
  if (wanted === "integer" && !Number.isSafeInteger(fitting)) {
    throw new GatewayError("E_VALUE", `${raw} is beyond 2^53 after scaling`);
  }
  return fitting;
}

/** A number without the noise of binary arithmetic in its sixteenth digit. */
export function rounded(value: number): number {
  return Number(value.toPrecision(15));
}
