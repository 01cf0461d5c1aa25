/**
 * The life of one alert as a pure state machine: (state, observation, time) → (state, change).
 * No clock, no I/O; the same inputs always give the same changes, so that a replay, a restart in
 * the middle and the live engine agree. A state is plain JSON. Times are ms since 1970-01-01 UTC.
 *
 *              broken                      broken for `for`
 *   inactive ──────────► pending ─────────────────────────────► firing
 *      ▲ ▲  not broken      │                                     │
 *      │ └──────────────────┘                                     │
 *      └────────── not broken for `keep` ("resolved") ────────────┘
 *
 * Pending and firing may be frozen ("unknown") while nothing can be known: no clock runs then.
 * Hysteresis holds a firing alert only; a pending one needs the threshold itself broken each time.
 */
import type { Join, Threshold, Timing } from "./rule.ts";

export const phases = ["inactive", "pending", "firing"] as const;
export type Phase = (typeof phases)[number];

/** What an alert is called outside; `resolved` only ever as the end of a change. */
export type AlertState = Phase | "unknown" | "resolved";

/** The newest values of one series of a group: its name, its time, a value of each field. */
export type Latest = readonly [series: string, time: number, ...values: number[]];

/** What turns the values of a group into one that is judged. */
export interface Judging extends Timing {
  readonly threshold: Threshold;
  /** How the series of a group become one; `worst`: each is judged by itself. */
  readonly join: Join;
  /** How far behind the newest a series may be and still count; undefined: any. @unit ms */
  readonly fresh: number | undefined;
  /** Of one value for each field; NaN where it cannot be told. */
  readonly valueOf: (values: readonly number[]) => number;
}

export interface Life {
  readonly phase: Phase;
  /** When the phase was entered. */
  readonly since: number;
  /** Newest time judged; time never runs backwards in a life. */
  readonly seen: number;
  /** Start of the clock that runs: `for` while pending, `keep` while firing and not broken. */
  readonly clock?: number | undefined;
  /** Since when nothing is known. */
  readonly frozen?: number | undefined;
  /** The value that was judged last. */
  readonly value?: number | undefined;
  readonly series: readonly Latest[];
}

export interface Change {
  readonly from: AlertState;
  readonly to: AlertState;
  readonly time: number;
}

export interface Step {
  readonly life: Life;
  readonly change?: Change;
}

/** What one series of a group says at one time: a value of each field. */
export interface Observation {
  readonly series: string;
  readonly time: number;
  readonly values: readonly number[];
}

export interface Judgement {
  readonly broken: boolean;
  readonly time: number;
  readonly value?: number | undefined;
}

/** A life before anything was seen. */
export const newborn: Life = { phase: "inactive", since: 0, seen: 0, series: [] };

/** Series that one group may join; more are ignored, the caller counts them. */
export const maxSeries = 1000;

/** What the outside calls the state. */
export function stateOf(life: Life): Phase | "unknown" {
  return life.frozen === undefined ? life.phase : "unknown";
}

/**
 * Judges new values against a threshold, together with the newest of the group's other series.
 * Undefined when they are ignored: not newer than the last of their series, or of one series too
 * many. What has no value changes nothing.
 */
export function observe(rule: Judging, before: Life, observation: Observation): Step | undefined {
  // Most groups are one series, which needs no joining.
  const alone = isAlone(before.series, observation.series);
  const series = alone
    ? newerAlone(before.series[0], observation)
    : withLatest(before.series, observation, rule.fresh);
  if (series === undefined) return undefined;
  const value = alone ? rule.valueOf(observation.values) : joined(rule, series);
  const life = { ...before, series };
  if (!Number.isFinite(value)) return { life };
  const broken = isBroken(rule.threshold, before.phase, value);
  return step(rule, life, { broken, value, time: observation.time });
}

/** Takes a judgement; a frozen life thaws first, and both together are one change. */
export function step(timing: Timing, before: Life, judgement: Judgement): Step {
  const time = Math.max(before.seen, judgement.time);
  const thawed = withoutFrost(before, time);
  const next = afterJudgement(timing, thawed, { broken: judgement.broken, time });
  const { phase, since, clock, frozen, series } = next;
  // Spelled out, as this is done for every value: copying one life into another takes long.
  const life: Life = { phase, since, seen: time, clock, frozen, value: judgement.value, series };
  return changed(before, life, time);
}

/** Nothing can be known from now on: state and clocks stand still. An inactive life has none. */
export function freeze(before: Life, time: number): Step {
  if (before.phase === "inactive" || before.frozen !== undefined) return { life: before };
  const at = Math.max(before.seen, time);
  return changed(before, { ...before, frozen: at, seen: at }, at);
}

/** Things can be known again, but nothing was seen of this one: it goes on where it stood. */
export function thaw(before: Life, time: number): Step {
  const at = Math.max(before.seen, time);
  return changed(before, { ...withoutFrost(before, at), seen: at }, at);
}

/** Ends a life from outside: its rule or its device is gone. */
export function end(before: Life, time: number): Step {
  const at = Math.max(before.seen, time);
  const { series, value } = before;
  return changed(before, { phase: "inactive", since: at, seen: at, series, value }, at);
}

/** Whether a group has no series but this one. */
function isAlone(all: readonly Latest[], name: string): boolean {
  const [first] = all;
  return all.length < 2 && (first === undefined || first[0] === name);
}

function newerAlone(last: Latest | undefined, seen: Observation): readonly Latest[] | undefined {
  return last === undefined || seen.time > last[1] ? [latestOf(seen)] : undefined;
}

function latestOf({ series, time, values }: Observation): Latest {
  return [series, time, ...values];
}

function withLatest(
  all: readonly Latest[],
  seen: Observation,
  fresh: number | undefined,
): readonly Latest[] | undefined {
  const kept = fresh === undefined ? all : stillFresh(all, seen.time, fresh);
  if (kept === undefined) return undefined;
  const index = kept.findIndex((one) => one[0] === seen.series);
  if (index < 0) return kept.length < maxSeries ? [...kept, latestOf(seen)] : undefined;
  const last = kept[index];
  return last !== undefined && seen.time > last[1] ? kept.with(index, latestOf(seen)) : undefined;
}

/** What still counts beside a new value; undefined when that itself does not. */
function stillFresh(
  all: readonly Latest[],
  time: number,
  fresh: number,
): readonly Latest[] | undefined {
  const oldest = all.reduce((newest, one) => Math.max(newest, one[1]), time) - fresh;
  // What has been left out is not remembered, so that all that is as old counts as late.
  return time < oldest ? undefined : all.filter((one) => one[1] >= oldest);
}

/** What is judged of a group; NaN where nothing can be told. */
function joined(rule: Judging, series: readonly Latest[]): number {
  if (rule.join !== "worst") return rule.valueOf(joinColumns(rule.join, series.map(valuesIn)));
  const pick = rule.threshold.side === "above" ? Math.max : Math.min;
  let worst = Number.NaN;
  for (const one of series) {
    const value = rule.valueOf(valuesIn(one));
    if (Number.isFinite(value)) worst = Number.isNaN(worst) ? value : pick(worst, value);
  }
  return worst;
}

/** Written out: taking an array apart by a pattern takes several times as long. */
function valuesIn(latest: Latest): readonly number[] {
  const values: number[] = [];
  for (let at = 2; at < latest.length; at += 1) {
    const value = latest[at];
    if (typeof value === "number") values.push(value);
  }
  return values;
}

/** Rows of values become one row, field by field; a field that a row does not have is NaN. */
export function joinColumns(
  join: Exclude<Join, "worst">,
  rows: readonly (readonly number[])[],
): readonly number[] {
  const width = rows[0]?.length ?? 0;
  return Array.from({ length: width }, (_, field) =>
    folds[join](rows.map((row) => row[field] ?? Number.NaN)),
  );
}

const folds: Readonly<Record<Exclude<Join, "worst">, (values: readonly number[]) => number>> = {
  sum,
  mean: (values) => sum(values) / values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
};

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Whether a value is wrong; hysteresis holds only what fires. */
export function isBroken(threshold: Threshold, phase: Phase, value: number): boolean {
  const limit = phase === "firing" ? threshold.clear : threshold.limit;
  return threshold.side === "above" ? value > limit : value < limit;
}

function afterJudgement(timing: Timing, life: Life, { broken, time }: Judgement): Life {
  const { phase, clock } = life;
  if (phase === "firing") {
    if (broken) return { ...life, clock: undefined };
    const calmSince = clock ?? time;
    return time - calmSince >= timing.keep
      ? entered(life, "inactive", time)
      : { ...life, clock: calmSince };
  }
  if (!broken) return phase === "pending" ? entered(life, "inactive", time) : life;
  const brokenSince = phase === "pending" ? (clock ?? time) : time;
  if (time - brokenSince >= timing.for) return entered(life, "firing", time);
  return phase === "pending" ? life : { ...entered(life, "pending", time), clock: time };
}

function entered(life: Life, phase: Phase, time: number): Life {
  return { ...life, phase, since: time, clock: undefined };
}

/** The frozen span does not count: a clock that ran is moved on by it. */
function withoutFrost(life: Life, time: number): Life {
  if (life.frozen === undefined) return life;
  const clock = life.clock === undefined ? undefined : life.clock + (time - life.frozen);
  return { ...life, clock, frozen: undefined };
}

function changed(before: Life, life: Life, time: number): Step {
  const from = stateOf(before);
  const to = stateOf(life);
  if (from === to) return { life };
  const resolved = before.phase === "firing" && to === "inactive";
  return { life, change: { from, to: resolved ? "resolved" : to, time } };
}
