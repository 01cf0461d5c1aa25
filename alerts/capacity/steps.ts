/**
 * Long work in steps: a site of thousands of elements takes a second to work out, and a hub must
 * not stand still for it. A command does all steps at once, a hub some at a time.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, sleep } from "../../telemetry/index.ts";

/** Work that may pause at each `yield`. */
export type Steps<Result> = Generator<void, Result, void>;

/** Does work: all at once, or with pauses. */
export type Pace = <Result>(steps: Steps<Result>) => Promise<Result>;

/** Longest time without a pause; a step in its midst is finished. @unit ms */
const longest = 5;

export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The pace of a command. */
export const inOneGo: Pace = (steps) => Promise.resolve(atOnce(steps));

/** Lets others run after each few milliseconds. */
export function withPauses(clock: Clock, signal: AbortSignal): Pace {
  return async (steps) => {
    for (let began = clock.monotonic(); ;) {
      const { done, value } = steps.next();
      if (done === true) return value;
      if (clock.monotonic() - began < longest) continue;
      await sleep(clock, 0, signal);
      if (signal.aborted) throw new GatewayError("E_STORE_DOWN", "it was given up");
      began = clock.monotonic();
    }
  };
}
