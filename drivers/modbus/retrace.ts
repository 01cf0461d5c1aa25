/**
 * From a stored value back to the registers, and forward again step by step. The way back is the
 * profile in reverse; every candidate is decoded again, and its neighbours are tried, so that what
 * is shown gives the value and what is called unique is. Pure.
 */
import type { FieldValue } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Source, Step, Way } from "../contract.ts";
import { decodeField, encodeField, factorOf, scaled, wholeOf } from "./field.ts";
import type { Bits, FieldForm } from "./field.ts";
import type { Register } from "./origin.ts";
import { registerOf } from "./origin.ts";
import { extentOf, tables } from "./pdu.ts";
import { decodeRaw, encodeRaw, patternOf, rawRange, wordsOfPattern } from "./values.ts";
import type { Raw } from "./values.ts";

/** The way of a stored value; undefined when the source is not one of this driver. */
export function explainValue(source: Source, value: FieldValue): Way | undefined {
  const register = registerOf(source);
  if (register === undefined) return undefined;
  const { words, doubts } = backward(register, value);
  return {
    facts: factsOf(register),
    raw: words && hexOf(words),
    doubts,
    steps: stepsOf(register, words, value),
  };
}

/** `4366 2666`: registers as they stood on the wire. */
export function hexOf(words: Uint16Array): string {
  return Array.from(words, (word) => word.toString(16).padStart(4, "0")).join(" ");
}

function factsOf({ span, form, scaleFrom, wraps }: Register): Record<string, string | number> {
  return {
    function: tables[span.table].function,
    table: span.table,
    address: span.at,
    count: span.count,
    ...(!form.bit && { type: form.type, order: form.order }),
    ...(!form.bit && form.type !== "string" && { scale: form.scale, offset: form.offset }),
    ...(form.bits && { bits: `${form.bits.from} to ${form.bits.from + form.bits.count - 1}` }),
    ...(scaleFrom !== undefined && { scaleFrom }),
    ...(wraps !== undefined && { wraps }),
  };
}

interface Backward {
  readonly words: Uint16Array | undefined;
  readonly doubts: readonly string[];
}

function backward(register: Register, value: FieldValue): Backward {
  const { form, scaleFrom, wraps } = register;
  if (scaleFrom !== undefined) {
    return { words: undefined, doubts: [`the power of ten in ${scaleFrom} is not kept`] };
  }
  if (form.bits !== undefined) {
    return { words: undefined, doubts: ["the other bits of the register are not kept"] };
  }
  const counted = wraps === undefined ? value : valueIn(() => countedOf(register, value));
  const [words, ...others] = counted === undefined ? [] : wordsFor(form, counted);
  const doubts: string[] = [];
  if (words === undefined) doubts.push("the source as it is now gives no such value");
  if (others.length > 0) doubts.push(`${others.map(hexOf).join(", ")} give the same value`);
  if (words !== undefined && paddedText(form, value)) {
    doubts.push("what stood behind the end of the text is not kept");
  }
  if (wraps !== undefined) {
    doubts.push("the count is made continuous: it may have been set back or have wrapped since");
  }
  return { words, doubts };
}

/** A continuous count back within the width of its counter. */
function countedOf({ form, wraps = 64 }: Register, value: FieldValue): FieldValue {
  if (form.type.startsWith("float")) return value;
  const raw = BigInt.asUintN(wraps, wholeOf(form, value));
  const factor = factorOf(form.scale, 0);
  const counted = scaled(raw, factor, form.offset);
  return form.wanted === "integer" ? Math.round(counted) : counted;
}

function paddedText(form: FieldForm, value: FieldValue): boolean {
  return form.type === "string" && String(value).length < form.length * 2;
}

/**
 * Registers that decode to exactly this value, the likeliest first: at most five. More may give
 * it, then five come back. A scale factor of another register and bit fields are not its business.
 */
export function wordsFor(form: FieldForm, value: FieldValue): Uint16Array[] {
  const likely = valueIn(() => [...candidates(form, value)]) ?? [];
  const good = likely.filter((words) => valueIn(() => decodeField(form, words)) === value);
  return [...new Map(good.map((words) => [hexOf(words), words])).values()];
}

function* candidates(form: FieldForm, value: FieldValue): Generator<Uint16Array> {
  const { type, states } = form;
  if (states !== undefined || form.bit || type === "string") {
    yield* codeCandidates(form, value);
  } else if (type.startsWith("float")) {
    yield* floatCandidates(form, value);
  } else {
    const [low, high] = rawRange(type);
    const nearest = wholeOf(form, value);
    // A value at the end of the range may have been rounded beyond it.
    const middle = nearest < low ? low : nearest > high ? high : nearest;
    for (const step of steps) {
      const raw = middle + step;
      if (raw >= low && raw <= high) yield encodeRaw(raw, type, form);
    }
  }
}

function* codeCandidates(form: FieldForm, value: FieldValue): Generator<Uint16Array> {
  const codes =
    form.states === undefined
      ? [value]
      : [...form.states].filter(([, state]) => state === value).map(([code]) => Number(code));
  for (const code of codes) {
    if (form.bit) yield Uint16Array.of(Number(code));
    else yield encodeRaw(code, form.type, form);
  }
}

/** Singles and doubles in order of their bits are in order of size: neighbours differ by one. */
function* floatCandidates(form: FieldForm, value: FieldValue): Generator<Uint16Array> {
  const { order, length } = form;
  const middle = patternOf(encodeField(form, value, { current: noWords }), order);
  const sign = 1n << BigInt(length * 16 - 1);
  for (const step of steps) {
    const pattern = middle + step;
    if (pattern >= 0n && pattern < 2n * sign) yield wordsOfPattern(pattern, length, order);
  }
  // Zero has a sign that no stored value keeps.
  yield wordsOfPattern(middle ^ sign, length, order);
}

const steps = [0n, 1n, -1n, 2n, -2n];
const noWords = new Uint16Array();

/** What something gives; undefined where that is no value. */
function valueIn<Out>(make: () => Out): Out | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof GatewayError && error.code === "E_VALUE") return undefined;
    throw error;
  }
}

/** The way forward, as decoding goes it. */
function stepsOf(
  register: Register,
  words: Uint16Array | undefined,
  value: FieldValue,
): readonly Step[] {
  const { span, form, scaleFrom, wraps } = register;
  const way: Step[] = [];
  const add = (does: string, gives: FieldValue | bigint | undefined): void => {
    way.push({ does, gives: gives === undefined ? undefined : String(gives) });
  };
  add(`read ${extentOf(span)} with function ${tables[span.table].function}`, words && hexOf(words));
  if (form.bit) return form.states === undefined ? way : [...way, stateStep(value)];
  let raw: Raw | undefined = words && decodeRaw(words, form.type, form.order);
  if (form.bits === undefined) {
    add(`take as ${form.type}, bytes in order ${form.order}`, raw);
  } else {
    const tells = form.states === undefined && scaleFrom === undefined;
    raw = tells ? valueIn(() => wholeOf(form, value)) : undefined;
    add(`take ${bitsText(form.bits)}, bytes in order ${form.order}`, raw);
  }
  if (form.states !== undefined) return [...way, stateStep(value)];
  if (form.type === "string" || form.wanted === "text") return way;
  if (wraps !== undefined) {
    raw = form.type.startsWith("float") ? undefined : valueIn(() => wholeOf(form, value));
    add(`make continuous across wraps of ${wraps} bits`, raw);
  }
  return [...way, ...arithmeticOf(register, raw, value)];
}

function stateStep(value: FieldValue): Step {
  return { does: "look up the state of this code", gives: String(value) };
}

function* arithmeticOf(
  { form, scaleFrom }: Register,
  raw: Raw | undefined,
  value: FieldValue,
): Generator<Step> {
  const factor = factorOf(form.scale, 0);
  const number = typeof raw === "string" || scaleFrom !== undefined ? undefined : raw;
  const after = (offset: number): string | undefined =>
    number === undefined ? undefined : String(scaled(number, factor, offset));
  if (form.scale !== 1) {
    const does = factor.times === 1 ? `divide by ${factor.over}` : `multiply by ${factor.times}`;
    yield { does, gives: after(0) };
  }
  if (scaleFrom !== undefined) {
    yield { does: `multiply by 10 to the power in ${scaleFrom}`, gives: undefined };
  }
  if (form.offset !== 0) yield { does: `add ${form.offset}`, gives: after(form.offset) };
  const exact = after(form.offset);
  if (form.wanted === "integer" && exact !== undefined && exact !== String(value)) {
    yield { does: "round to a whole number", gives: String(value) };
  }
}

function bitsText({ from, count }: Bits): string {
  return count === 1 ? `bit ${from}` : `bits ${from} to ${from + count - 1}`;
}
