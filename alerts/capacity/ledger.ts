/**
 * Where the nameplate of accelerators went: in each window
 *
 *   nameplate = offline + unknown + capped + throttled + idle + delivered
 *
 * once in Wh, once in hours of cards. It closes by construction; a gap is `unknown`, never
 * hidden. docs/capacity.md defines each term.
 */

/** The terms, in Wh or in hours; `whole` is the nameplate, or all hours. */
export interface Terms {
  readonly whole: number;
  readonly offline: number;
  readonly unknown: number;
  readonly capped: number;
  readonly throttled: number;
  readonly idle: number;
  readonly delivered: number;
}

export const noTerms: Terms = {
  whole: 0,
  offline: 0,
  unknown: 0,
  capped: 0,
  throttled: 0,
  idle: 0,
  delivered: 0,
};

/** What is known of a card in one window; NaN: not known. */
export interface CardWindow {
  /** Means. @unit W */
  readonly power: number;
  readonly limit: number;
  /** Mean share of time with some kernel running, 0 to 1. */
  readonly busy: number;
  /** Share of the time held back by temperature or hardware, 0 to 1; not known counts as 0. */
  readonly throttled: number;
  /** Share of the time held back by a power limit, 0 to 1; not known counts as 0. */
  readonly capped: number;
  /** The card, or the machine around it, was reported gone. */
  readonly isGone: boolean;
}

/** Energy: what the nameplate would have allowed, in Wh. */
export function energyTerms(
  { power, limit, throttled, isGone }: CardWindow,
  { nameplate, hours }: { readonly nameplate: number; readonly hours: number },
): Terms {
  const whole = nameplate * hours;
  if (Number.isNaN(power)) {
    return isGone ? { ...noTerms, whole, offline: whole } : { ...noTerms, whole, unknown: whole };
  }
  const drawn = within(power, 0, nameplate);
  // What is drawn was allowed, whatever the limit says; without one the nameplate is it.
  const allowed = Number.isNaN(limit) ? nameplate : within(limit, drawn, nameplate);
  const held = (allowed - drawn) * shareOf(throttled);
  return {
    ...noTerms,
    whole,
    capped: (nameplate - allowed) * hours,
    throttled: held * hours,
    idle: (allowed - drawn - held) * hours,
    delivered: drawn * hours,
  };
}

/** Time: what the card did, in hours. */
export function timeTerms(
  { power, busy, throttled, capped, isGone }: CardWindow,
  hours: number,
): Terms {
  const whole = hours;
  const isSilent = Number.isNaN(power) && Number.isNaN(busy);
  if (isSilent) {
    return isGone ? { ...noTerms, whole, offline: whole } : { ...noTerms, whole, unknown: whole };
  }
  const hot = shareOf(throttled);
  const held = Math.min(shareOf(capped), 1 - hot);
  const rest = 1 - hot - held;
  // A card that is held back is busy: what it does beside is what is left of that.
  const free = Number.isNaN(busy) ? 0 : within(shareOf(busy) - hot - held, 0, rest);
  return {
    ...noTerms,
    whole,
    throttled: hot * hours,
    capped: held * hours,
    delivered: free * hours,
    idle: Number.isNaN(busy) ? 0 : (rest - free) * hours,
    unknown: Number.isNaN(busy) ? rest * hours : 0,
  };
}

function within(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function shareOf(value: number): number {
  return Number.isNaN(value) ? 0 : within(value, 0, 1);
}

export function addedTerms(one: Terms, other: Terms): Terms {
  return {
    whole: one.whole + other.whole,
    offline: one.offline + other.offline,
    unknown: one.unknown + other.unknown,
    capped: one.capped + other.capped,
    throttled: one.throttled + other.throttled,
    idle: one.idle + other.idle,
    delivered: one.delivered + other.delivered,
  };
}
