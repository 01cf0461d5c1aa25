/** The record of a line, counted: what each unit did, how it depends on length and pace. Pure. */
import type { Evidence, OtherSettings } from "./evidence.ts";
import { framesIn, joined } from "./frames.ts";
import type { FoundFrame } from "./frames.ts";
import type { Judged, Outcome } from "./judge.ts";
import { judge } from "./judge.ts";

/** How often requests of one kind came to what end. */
export interface Tally extends Readonly<Record<Outcome, number>> {
  readonly tried: number;
  /** Valid replies in time, whatever they say. */
  readonly answered: number;
  /** Bytes came, but no valid reply. */
  readonly broken: number;
}

export interface UnitPicture {
  readonly unit: number;
  readonly judged: readonly Judged[];
  readonly all: Tally;
  readonly short: Tally;
  readonly long: Tally;
  readonly quick: Tally;
  readonly slow: Tally;
}

export interface Picture {
  readonly evidence: Evidence;
  readonly judged: readonly Judged[];
  readonly units: readonly UnitPicture[];
  readonly all: Tally;
  /** Bytes heard while nothing was asked. */
  readonly idle: Uint8Array;
  /** Frames of others in the silence and between ours. */
  readonly foreign: readonly FoundFrame[];
  /** Other settings under which a unit answered. */
  readonly elsewhere: readonly OtherSettings[];
}

export function pictureOf(evidence: Evidence): Picture {
  const judged = evidence.trials.map((trial) => judge(trial, evidence));
  const numbers = [...new Set(judged.map(({ unit }) => unit))];
  const idle = joined(evidence.listening.chunks);
  return {
    evidence,
    judged,
    units: numbers.map((unit) => unitOf(judged.filter((one) => one.unit === unit))),
    all: tallyOf(judged),
    idle,
    foreign: [...framesIn(idle), ...judged.flatMap(({ foreign }) => foreign)],
    elsewhere: evidence.others.filter(({ trials }) =>
      trials.some((trial) => judge(trial, evidence).replies > 0),
    ),
  };
}

function unitOf(judged: readonly Judged[]): UnitPicture {
  return {
    unit: judged[0]?.unit ?? 0,
    judged,
    all: tallyOf(judged),
    short: tallyOf(judged.filter(({ long }) => !long)),
    long: tallyOf(judged.filter(({ long }) => long)),
    quick: tallyOf(judged.filter(({ quick }) => quick)),
    slow: tallyOf(judged.filter(({ quick }) => !quick)),
  };
}

export function tallyOf(judged: readonly Judged[]): Tally {
  const count = (outcome: Outcome): number =>
    judged.filter((one) => one.outcome === outcome).length;
  const [ok, exception, late] = [count("ok"), count("exception"), count("late")];
  const [damaged, garbage, headless] = [count("damaged"), count("garbage"), count("headless")];
  return {
    tried: judged.length,
    ok,
    exception,
    late,
    headless,
    damaged,
    garbage,
    silent: count("silent"),
    answered: ok + exception,
    broken: damaged + garbage + headless,
  };
}

/** Requests of others, more than chance makes of spoilt bytes: one place in 65,536 fits. */
export function hasMaster({ foreign }: Picture): boolean {
  return foreign.filter(({ kind }) => kind === "request").length > 1;
}

/** A share as people say it: `3 of 20`. */
export function of(count: number, all: number): string {
  return `${count} of ${all}`;
}

/** A share, and nothing of nothing is none. @range 0 to 1 */
export function share(count: number, all: number): number {
  return all === 0 ? 0 : count / all;
}

/** Grows from 0 to 1; one half at `half`. */
export function rising(value: number, half: number): number {
  return value <= 0 ? 0 : value / (value + half);
}

/** What each request mostly gives: the last good reply. */
function usualReplies(judged: readonly Judged[]): ReadonlyMap<string, Uint8Array> {
  const usual = new Map<string, Uint8Array>();
  for (const one of judged) {
    if (one.outcome === "ok" && one.reply !== undefined) usual.set(askedOf(one), one.reply);
  }
  return usual;
}

function askedOf({ unit, pdu }: Judged): string {
  return `${unit} ${pdu.join(" ")}`;
}

/** Where damaged replies differ from what the same request mostly gives, as byte positions. */
export function damagedPlaces(judged: readonly Judged[]): number[] {
  const usual = usualReplies(judged);
  return judged.flatMap((one) => {
    const { body, outcome, expected } = one;
    const right = usual.get(askedOf(one));
    if (right === undefined || outcome !== "damaged" || body.length !== expected) return [];
    return [...body].flatMap((byte, at) => (byte === right[at] ? [] : [at]));
  });
}

/**
 * For each spoilt reply whose right form is known: whether it is wrong from its first byte on. A
 * receiver that starts too early is out of step until a character happens to fit.
 */
export function headHits(
  judged: readonly Judged[],
): { readonly head: boolean; readonly expected: number }[] {
  const usual = usualReplies(judged);
  return judged.flatMap((one) => {
    const { body, outcome, reply, expected } = one;
    const right = usual.get(askedOf(one));
    if (right === undefined || reply !== undefined || outcome === "silent") return [];
    // Stray bytes before a reply do not hurt it.
    const begins = [0, 1, 2, 3, 4].some((at) => body[at] === right[0] && body[at + 1] === right[1]);
    return [{ head: !begins, expected }];
  });
}
