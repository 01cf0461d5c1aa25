/**
 * Which profiles a device fits, judged by the rules of their headers (`identify`). Pure: what to
 * ask comes out, what was answered goes in. One answer is seldom proof: a number that tells one
 * maker's meter is a voltage in another's, so each candidate says how sure it is and why.
 */
import type { Order, ValueType } from "./values.ts";
import { decodeRaw, encodeRaw, typeWords } from "./values.ts";
import type { Span } from "./pdu.ts";
import { placeOf, tables } from "./pdu.ts";
import type { IdentifyRule, ModbusProfile } from "./profile.ts";
import { idObjects } from "./profile.ts";

/** What a device answered. */
export interface Answers {
  readonly unit: number;
  /** Texts of function 43/14 by object number; undefined when it gives none. */
  readonly objects: ReadonlyMap<number, string> | undefined;
  /** The registers of a span; undefined when they were refused, not answered or not asked for. */
  words(span: Span): Words | undefined;
}

export interface Words {
  readonly words: Uint16Array;
  /** Where they were read: the other table, when the device has only one of the two. */
  readonly at: string;
}

/** `certain`: two facts or a name; `likely`: one number; `possible`: nothing contradicts it. */
export const certainties = ["certain", "likely", "possible"] as const;
export type Certainty = (typeof certainties)[number];

export interface Candidate {
  readonly profile: string;
  readonly certainty: Certainty;
  /** `holding 0xfc02 = 0x0070 (112)`. */
  readonly evidence: readonly string[];
  /** What speaks against it. */
  readonly doubts: readonly string[];
}

/** A number below this stands in many a register for many a reason. */
const telling = 16;

/** Letters that make a text in registers a name. */
const nameLetters = 3;

/**
 * Every register that some rule asks for, once, cheapest first: what most profiles ask for, then
 * the shortest.
 */
export function questionsOf(profiles: readonly ModbusProfile[]): Span[] {
  const asked = new Map<string, { readonly span: Span; users: number }>();
  for (const { header } of profiles) {
    for (const rule of header.identify) {
      const span = spanOfRule(rule);
      if (span === undefined) continue;
      const key = `${span.table} ${span.at} ${span.count}`;
      const known = asked.get(key) ?? { span, users: 0 };
      known.users += 1;
      asked.set(key, known);
    }
  }
  const all = [...asked.values()];
  all.sort((a, b) => b.users - a.users || a.span.count - b.span.count || a.span.at - b.span.at);
  return all.map(({ span }) => span);
}

/** The registers that a rule asks for; undefined for a text of function 43/14. */
export function spanOfRule({ at, table, type, length }: IdentifyRule): Span | undefined {
  if (at === undefined) return undefined;
  const count = tables[table].bits ? 1 : typeWords[type] || (length ?? 1);
  return { table, at, count };
}

/** What registers hold on a device that pleases a rule, for simulated ones. */
export function fingerprintOf(
  rule: IdentifyRule,
): { readonly span: Span; readonly words: Uint16Array } | undefined {
  const span = spanOfRule(rule);
  const { equals, starts, contains, between, type, order } = rule;
  const [value] = [equals ?? starts ?? contains ?? between?.[0] ?? 1].flat();
  if (span === undefined || value === undefined) return undefined;
  return { span, words: encodeRaw(value, type, { order, length: span.count }) };
}

/** Profiles that these answers speak for, the surest first. */
export function candidatesOf(profiles: readonly ModbusProfile[], answers: Answers): Candidate[] {
  const found = profiles.flatMap((profile) => candidateOf(profile, answers) ?? []);
  return found.toSorted(
    (a, b) =>
      bySureness(a, b) || b.evidence.length - a.evidence.length || (a.profile < b.profile ? -1 : 1),
  );
}

/** One step surer, or less sure: a second fact was looked at. */
export function weighed(candidate: Candidate, fact: string, plausible: boolean): Candidate {
  const { certainty, evidence, doubts } = candidate;
  if (!plausible) return { ...candidate, certainty: less(certainty), doubts: [...doubts, fact] };
  const surer = certainty === "likely" ? "certain" : certainty;
  return { ...candidate, certainty: surer, evidence: [...evidence, fact] };
}

/** How one rule stands. */
interface Verdict {
  readonly rule: IdentifyRule;
  /** Undefined: the device did not say. */
  readonly holds: boolean | undefined;
  /** `holding 0xfc02 = 0x0070 (112)`. */
  readonly fact: string;
}

function candidateOf(profile: ModbusProfile, answers: Answers): Candidate | undefined {
  const verdicts = profile.header.identify.map((rule) => verdictOf(rule, answers));
  const ways = [
    verdicts.filter(({ rule }) => rule.object !== undefined),
    verdicts.filter(({ rule }) => rule.object === undefined),
  ].filter((way) => way.length > 0);
  const held = ways.filter((way) => way.every(({ holds }) => holds === true));
  if (held.length === 0) return undefined;
  const against = ways.flat().filter(({ holds }) => holds === false);
  const sure = held.map(certaintyOf);
  const best = certainties.find((certainty) => sure.includes(certainty)) ?? "possible";
  return {
    profile: profile.id,
    certainty: against.length > 0 ? less(best) : best,
    evidence: held.flat().map(({ fact }) => fact),
    doubts: against.map(({ fact }) => fact),
  };
}

type Judged = Pick<Candidate, "certainty">;

/** Orders candidates, the surest first. */
export function bySureness(a: Judged, b: Judged): number {
  return certainties.indexOf(a.certainty) - certainties.indexOf(b.certainty);
}

function less(certainty: Certainty): Certainty {
  return certainty === "certain" ? "likely" : "possible";
}

/** How sure the rules of one kind make it, all of them holding. */
function certaintyOf(way: readonly Verdict[]): Certainty {
  const facts = way.map(({ rule }) => rule).filter((rule) => !isWeak(rule));
  if (facts.length === 0) return "possible";
  // A vendor has many products.
  if (facts.every(({ object }) => object === "vendor" || object === "url")) return "likely";
  if (facts.some(isName)) return "certain";
  return facts.length > 1 ? "certain" : "likely";
}

/** Whether a rule names the product in letters. */
function isName({ object, type, equals, starts, contains }: IdentifyRule): boolean {
  const texts = [equals, starts, contains].flat().filter((text) => typeof text === "string");
  const long = texts.some((text) => text.length >= nameLetters);
  return (
    long && (object === undefined ? type === "string" : !["vendor", "url"].includes(`${object}`))
  );
}

/** Rules that propose and never prove. */
function isWeak({ equals, starts, contains }: IdentifyRule): boolean {
  if (starts !== undefined || contains !== undefined) return false;
  const wanted = [equals].flat().filter((value) => value !== undefined);
  return wanted.every((value) => typeof value === "number" && Math.abs(value) < telling);
}

function verdictOf(rule: IdentifyRule, answers: Answers): Verdict {
  if (rule.object !== undefined) {
    const number = objectNumber(rule.object);
    const text = answers.objects?.get(number);
    const fact = `${rule.object} "${text ?? ""}" (function 43)`;
    return { rule, holds: text === undefined ? undefined : fits(rule, text, answers.unit), fact };
  }
  const span = spanOfRule(rule);
  const found = span && answers.words(span);
  if (span === undefined || found === undefined) {
    return { rule, holds: undefined, fact: span === undefined ? "" : placeOf(span) };
  }
  const value = rawOf(found.words, rule);
  if (value === undefined) return { rule, holds: false, fact: `${found.at} is no ${rule.type}` };
  const fact = `${found.at} = ${shownRaw(value, found.words)}`;
  return { rule, holds: fits(rule, value, answers.unit), fact };
}

function objectNumber(object: string | number): number {
  if (typeof object === "number") return object;
  return Object.entries(idObjects).find(([name]) => name === object)?.[1] ?? -1;
}

function rawOf(
  words: Uint16Array,
  { type, order }: { readonly type: ValueType; readonly order: Order },
): string | number | undefined {
  try {
    const raw = decodeRaw(words, type, order);
    return typeof raw === "bigint" ? Number(raw) : raw;
  } catch {
    return undefined;
  }
}

/** `"B23"`, or `0x0070 (112)`. */
export function shownRaw(value: string | number, words: Uint16Array): string {
  if (typeof value === "string") return JSON.stringify(value);
  const digits = [...words].map((word) => word.toString(16).padStart(4, "0")).join("");
  return `0x${digits} (${value})`;
}

/** Texts are compared without regard to case: firmware of one product differs in it. */
function fits(rule: IdentifyRule, value: string | number, unit: number): boolean {
  const { equals, starts, contains, between, ownUnit } = rule;
  const text = String(value).trim().toLowerCase();
  const same = (wanted: string | number): boolean =>
    typeof wanted === "number" ? wanted === Number(value) : wanted.toLowerCase() === text;
  if (equals !== undefined && ![equals].flat().some(same)) return false;
  if (starts !== undefined && ![starts].flat().some((one) => text.startsWith(one.toLowerCase()))) {
    return false;
  }
  if (contains !== undefined && !text.includes(contains.toLowerCase())) return false;
  if (between !== undefined && !(Number(value) >= between[0] && Number(value) <= between[1])) {
    return false;
  }
  return ownUnit !== true || Number(value) === unit;
}
