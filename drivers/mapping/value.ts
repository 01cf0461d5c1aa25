/** From what stands at a path to the value of a field. Total: any JSON gives one of three. */
import type { FieldFacts, FieldValue } from "../../telemetry/index.ts";
import { maxText } from "../../telemetry/index.ts";
import type { Json } from "./json.ts";
import type { FieldForm } from "./options.ts";

/** Makes a count continuous; undefined when there is no room to remember it. */
export type Continue = (raw: bigint) => bigint | undefined;

/** A value, no value by the device's own word, or something that is none of the field. */
export type Converted =
  | { readonly is: "value"; readonly value: FieldValue }
  | { readonly is: "none" }
  | { readonly is: "wrong" };

const wrong: Converted = { is: "wrong" };

export interface Conversion {
  readonly form: FieldForm;
  readonly facts: FieldFacts | undefined;
  /** The document holds texts alone, so that numbers in them need not be asked for. */
  readonly texts: boolean;
  readonly unwrap: Continue;
}

export function convert(raw: Json, conversion: Conversion): Converted {
  const { form, facts, texts } = conversion;
  if (raw === null) return { is: "none" };
  if (typeof raw === "object" || raw === undefined) return wrong;
  if (form.none.some((marker) => marker === raw || (texts && String(marker) === raw))) {
    return { is: "none" };
  }
  if (form.states !== undefined) {
    const key = String(raw);
    const state = Object.hasOwn(form.states, key) ? form.states[key] : undefined;
    return state === undefined ? wrong : { is: "value", value: whole(state, conversion) };
  }
  if (facts?.type === "text" || form.type === "text") {
    const text = String(raw);
    return text.length > maxText ? wrong : { is: "value", value: text };
  }
  const number = numberOf(raw, texts || form.type === "numeric");
  return number === undefined ? wrong : scaled(number, conversion);
}

/** As JSON writes numbers, with a sign and a leading point allowed. [RFC 8259 6] */
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

function numberOf(raw: string | number | boolean, numeric: boolean): number | undefined {
  if (typeof raw === "number") return Number.isFinite(raw) ? raw : undefined;
  if (typeof raw === "boolean" || !numeric) return undefined;
  const text = raw.trim();
  const number = text.length <= 64 && decimal.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

function scaled(raw: number, conversion: Conversion): Converted {
  const { scale, offset, wraps, resets } = conversion.form;
  let count = raw;
  if (wraps !== undefined) {
    const continuous = counted(raw, 2 ** wraps, conversion.unwrap);
    if (continuous === undefined) return wrong;
    count = continuous;
  }
  // Twelve digits carry no rounding noise, unless the count itself has more.
  const product = count * scale + offset;
  let value = Math.abs(product) < 1e11 ? Number(product.toPrecision(12)) : product;
  if (resets) {
    const continuous = counted(Math.round(value), Number.MAX_SAFE_INTEGER, conversion.unwrap);
    if (continuous === undefined) return wrong;
    value = continuous;
  }
  const fit = whole(value, conversion);
  const safe = conversion.facts?.type !== "integer" || Number.isSafeInteger(fit);
  return Number.isFinite(fit) && safe ? { is: "value", value: fit } : wrong;
}

function whole(value: number, { facts }: Conversion): number {
  return facts?.type === "integer" ? Math.round(value) : value;
}

/** The continuous count, or undefined for what is no count below `end`. */
function counted(raw: number, end: number, unwrap: Continue): number | undefined {
  if (!Number.isSafeInteger(raw) || raw < 0 || raw >= end) return undefined;
  const count = unwrap(BigInt(raw));
  return count === undefined ? undefined : Number(count);
}
