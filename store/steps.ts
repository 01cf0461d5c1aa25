/** What `store init` does, step by step, so that it can be shown before it is done. */

/** `made`, or `was there`; what is set again is `set`. */
export type Outcome = "made" | "was there" | "set";

/** One thing to make. */
export interface Step {
  /** The statement or request that it sends, exactly but for what only the server knows. */
  readonly sends: string;
  /**
   * Does it; nothing happens when it is done already.
   * @throws E_STORE_DOWN, E_STORE_CONFIG
   */
  run(signal: AbortSignal): Promise<Outcome>;
}

/** The steps of a store, and what to close after them. */
export interface Provision extends AsyncDisposable {
  readonly title: string;
  readonly steps: readonly Step[];
}

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
] as const;

/** A duration in the largest unit that leaves it whole; seconds at the least. */
export function durationText(ms: number): string {
  const fitting = units.find(([, length]) => ms % length === 0);
  if (fitting !== undefined) return `${ms / fitting[1]}${fitting[0]}`;
  return `${Math.max(1, Math.round(ms / 1000))}s`;
}
