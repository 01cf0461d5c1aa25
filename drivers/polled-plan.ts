/**
 * What a polled device takes of its wire, worked out before anything is read: the bytes of question
 * and answer, the silence before, and what such a device usually thinks.
 */
import type { PlannedRequest, ReadPlan } from "./contract.ts";

/** One question and its answer. */
export interface PlannedExchange {
  /** What is asked for: `02010100`. */
  readonly at: string;
  /** Values that are wanted of it. */
  readonly wanted: number;
  /** @unit bytes */
  readonly question: number;
  /** As long as it usually is. @unit bytes */
  readonly answer: number;
}

/** What a wire and a device on it take. */
export interface Pace {
  /** Time of one byte. @unit ms */
  readonly character: number;
  /** Silence before each question. @unit ms */
  readonly gap: number;
  /** What such a device takes before it answers. @unit ms */
  readonly think: number;
  /** On a wire that drives only so many receivers: how many this one counts. [TIA-485-A] */
  readonly unitLoad: number | undefined;
}

/** How a driver plans; without a pace it does not. */
export interface Planning<Field> {
  /** What reading these fields takes. */
  readonly exchanges: (fields: readonly Field[]) => readonly PlannedExchange[];
  /** Undefined behind a serial server, whose line nobody knows here. */
  readonly pace: Pace | undefined;
}

export function readPlan(exchanges: readonly PlannedExchange[], pace: Pace): ReadPlan {
  const { character, gap, think, unitLoad } = pace;
  const requests = exchanges.map(({ at, wanted, question, answer }): PlannedRequest => {
    const parts = { bytes: (question + answer) * character, silence: gap, device: think };
    const ms = parts.bytes + parts.silence + parts.device;
    return { at, reads: wanted, wanted, ms, parts };
  });
  return { requests, unitLoad };
}
