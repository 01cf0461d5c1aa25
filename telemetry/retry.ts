/**
 * When to try again: exponential growth with full jitter between bounds. Pure: the caller owns
 * the clock and the counting.
 */
import type { Entropy } from "./platform.ts";

export interface RetryPolicy {
  /** First delay. @unit ms */
  readonly first: number;
  /** Longest delay. @unit ms */
  readonly longest: number;
}

/**
 * Delay before attempt `attempt` (1 = first retry): between half and the whole of
 * `first · 2^(attempt-1)`, never above `longest`. A delay asked for by the other side wins.
 * @unit ms
 */
export function retryDelay(
  policy: RetryPolicy,
  attempt: number,
  entropy: Pick<Entropy, "random">,
  askedMs = 0,
): number {
  const grown = Math.min(policy.longest, policy.first * 2 ** Math.min(attempt - 1, 30));
  return Math.max(askedMs, grown / 2 + (grown / 2) * entropy.random());
}
