/**
 * What disturbs a line, told by where disturbances fall. Pure. Three explanations are held against
 * the counts, each with the rates that suit it best (likelihoods of Poisson counts):
 *
 *   interference   falls anywhere: on the idle line and, as often a second, inside frames of all
 *                  units; an idle line may be up to ten times less or as sensitive
 *   no bias        falls on the idle line alone, and spoils a frame only at its edges
 *   reflections    fall inside frames alone, on far units more than on near ones, and on the same
 *                  bits of the same reply again and again
 */
import type { Judged } from "./judge.ts";
import type { Picture } from "./picture.ts";
import { damagedPlaces, hasMaster, headHits } from "./picture.ts";

export interface Disturbance {
  /** Stretches of bytes that came when nobody was asked, and for how long it was listened. */
  readonly idleEvents: number;
  /** @unit s */
  readonly idleTime: number;
  readonly cells: readonly Cell[];
  /** Replies spoilt. */
  readonly count: number;
  /** How much oftener wrong bytes share a place than chance has it, and how many there are. */
  readonly gathered: number;
  readonly places: number;
  /** Probabilities, which add up to 1. */
  readonly interference: number;
  readonly floating: number;
  readonly reflections: number;
}

/** Replies of one unit and one length. */
interface Cell {
  readonly unit: number;
  readonly spoilt: number;
  readonly replies: number;
  /** Time they took on the wire. @unit s */
  readonly time: number;
}

/** Idle lines of good bias are less sensitive than driven ones, by up to this. */
const sensitivities = [0.1, 0.3, 1] as const;
/** Characters before a frame in which a dip of a floating line spoils its head. */
const edgeCharacters = [1, 2, 4, 8] as const;
/** Stray events of a line in order. @unit per second */
const strayRate = 0.02;
/** Bytes further apart are two events. @unit ms */
const eventGap = 5;
/** Most that repeated places say. @unit nat */
const mostGathered = 5;
/** Each rate that is free to suit the counts costs. @unit nat */
const parameterCost = 1;

export function disturbanceOf(picture: Picture): Disturbance {
  const { evidence, units, judged, idle } = picture;
  const { character, listening } = evidence;
  const idleTime = Math.max(0.001, listening.duration / 1000);
  // Frames of others are no disturbance.
  const theirs = hasMaster(picture);
  const idleEvents = theirs || idle.length === 0 ? 0 : eventsIn(listening.chunks);
  const cells = units.flatMap(({ unit, judged: own }) =>
    [false, true].map((long): Cell => {
      const of = own.filter((one) => one.long === long && one.outcome !== "silent");
      const spoilt = of.filter(isSpoilt).length;
      return { unit, spoilt, replies: of.length, time: timeOf(of, character) };
    }),
  );
  const count = cells.reduce((sum, { spoilt }) => sum + spoilt, 0);
  const { gathered, places } = gatheringOf(units.map((unit) => unit.judged));
  const counts = { idleEvents, idleTime, cells, count, gathered, places };
  const edge = (judged.length * character) / 1000;
  const heads = headsOf(judged);
  return { ...counts, ...probabilities(counts, { edge, heads }) };
}

function isSpoilt({ outcome }: Judged): boolean {
  return outcome === "damaged" || outcome === "garbage" || outcome === "headless";
}

/** @unit s */
function timeOf(replies: readonly Judged[], character: number): number {
  const bytes = replies.reduce((sum, one) => sum + (one.reply?.length ?? one.expected), 0);
  return Math.max(1e-6, (bytes * Math.max(character, 0.01)) / 1000);
}

function eventsIn(chunks: readonly { readonly at: number }[]): number {
  let events = 0;
  let last = Number.NEGATIVE_INFINITY;
  for (const { at } of chunks) {
    if (at - last > eventGap) events += 1;
    last = at;
  }
  return events;
}

type Counts = Omit<Disturbance, "interference" | "floating" | "reflections">;

/** Log-likelihoods of where replies are hurt: at the head nearly always, or anywhere. */
interface Heads {
  readonly first: number;
  readonly anywhere: number;
}

/** A floating line hurts a frame behind its head this seldom. */
const behindHead = 0.1;
/** Bytes that count as head, and one before them. */
const headWidth = 3;

function headsOf(judged: readonly Judged[]): Heads {
  let [first, anywhere] = [0, 0];
  for (const { head, expected } of headHits(judged)) {
    const chance = Math.min(0.95, headWidth / expected);
    first += Math.log(head ? 1 - behindHead : behindHead);
    anywhere += Math.log(head ? chance : 1 - chance);
  }
  return { first, anywhere };
}

function probabilities(
  counts: Counts,
  { edge, heads }: { readonly edge: number; readonly heads: Heads },
) {
  const { idleEvents, idleTime, cells, count } = counts;
  const frames = cells.reduce((sum, { time }) => sum + time, 0);
  const all = idleEvents + count;
  const both = (idleShare: number, frameShare: number): number => {
    const rate = all / (idleShare + frameShare);
    return poisson(idleEvents, rate * idleShare) + poisson(count, rate * frameShare);
  };
  const anywhere = sensitivities.map((sensitivity) => both(sensitivity * idleTime, frames));
  const atEdges = edgeCharacters.map((characters) => both(idleTime, edge * characters));
  const alone = poisson(count, count) + poisson(idleEvents, strayRate * idleTime);
  const units = [...new Set(cells.map(({ unit }) => unit))];
  const within = units.map((unit) =>
    split(
      cells.filter((cell) => cell.unit === unit),
      byTime,
    ),
  );
  const repeats = counts.places < 4 ? 0 : (Math.log(counts.gathered) * counts.places) / 4;
  const logs = [
    Math.max(...anywhere) + split(cells, byTime) + heads.anywhere - 2 * parameterCost,
    Math.max(...atEdges) + split(cells, byNumber) + heads.first - 2 * parameterCost,
    alone +
      heads.anywhere +
      within.reduce((sum, log) => sum + log, 0) +
      Math.min(mostGathered, Math.max(-1, repeats)) -
      parameterCost * units.length,
  ];
  const top = Math.max(...logs);
  const weights = logs.map((log) => Math.exp(log - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const [interference = 0, floating = 0, reflections = 0] = weights.map((one) => one / total);
  return { interference, floating, reflections };
}

const byTime = ({ time }: Cell): number => time;
const byNumber = ({ replies }: Cell): number => Math.max(replies, 1e-6);

/** How likely cells are hit in proportion to a weight, against as they were. @unit nat */
function split(cells: readonly Cell[], weigh: (cell: Cell) => number): number {
  const all = cells.reduce((sum, { spoilt }) => sum + spoilt, 0);
  const weight = cells.reduce((sum, cell) => sum + weigh(cell), 0);
  return cells.reduce((sum, cell) => {
    if (cell.spoilt === 0) return sum;
    return sum + cell.spoilt * (Math.log(weigh(cell) / weight) - Math.log(cell.spoilt / all));
  }, 0);
}

/** The logarithm of a Poisson probability. @unit nat */
function poisson(count: number, mean: number): number {
  if (mean <= 0) return count === 0 ? 0 : -50;
  let log = count * Math.log(mean) - mean;
  for (let factor = 2; factor <= count; factor += 1) log -= Math.log(factor);
  return log;
}

/** Pairs of wrong bytes at one place, against what chance gives for as many wrong bytes. */
function gatheringOf(units: readonly (readonly Judged[])[]) {
  let [pairs, chance, total] = [0, 0, 0];
  for (const judged of units) {
    const long = judged.filter((one) => one.long);
    const places = damagedPlaces(long);
    const counts = new Map<number, number>();
    for (const place of places) counts.set(place, (counts.get(place) ?? 0) + 1);
    for (const count of counts.values()) pairs += (count * (count - 1)) / 2;
    chance += (places.length * (places.length - 1)) / 2 / Math.max(1, long[0]?.expected ?? 1);
    total += places.length;
  }
  // One pair more on either side: a few places say nothing yet.
  return { gathered: (pairs + 1) / (chance + 1), places: total };
}
