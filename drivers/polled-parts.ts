/**
 * Reading a device in several questions: a part that it refuses is a fault beside the rest; a
 * device that falls silent is not asked on and on.
 */
import type { Code, Fault } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";

export interface PartsAsked<Part, Answer> {
  readonly parts: readonly Part[];
  readonly ask: (part: Part) => Promise<Answer>;
  /** Where a part is, for faults. */
  readonly at: (part: Part) => string;
}

export interface PartsAnswered<Part, Answer> {
  readonly answers: ReadonlyMap<Part, Answer>;
  readonly faults: readonly Fault[];
}

/** Parts in a row without an answer after which the rest of a reading is given up. */
const strikeLimit = 2;

/**
 * Asks for one part after the other.
 * @throws what `ask` threw first, when no part was answered
 */
export async function askParts<Part, Answer>(
  { parts, ask, at }: PartsAsked<Part, Answer>,
  signal: AbortSignal,
): Promise<PartsAnswered<Part, Answer>> {
  const answers = new Map<Part, Answer>();
  const faults: Fault[] = [];
  let first: unknown;
  let strikes = 0;
  let code: Code = "E_DEVICE_TIMEOUT";
  for (const part of parts) {
    if (strikes >= strikeLimit) {
      faults.push({ code, at: at(part) });
      continue;
    }
    try {
      answers.set(part, await ask(part));
      strikes = 0;
    } catch (error) {
      if (!(error instanceof GatewayError) || signal.aborted) throw error;
      const refused = error.code === "E_DEVICE_REFUSED";
      // One that has said nothing yet is not there: its other parts would cost a timeout each.
      if (!refused && answers.size === 0 && first === undefined) throw error;
      first ??= error;
      strikes = refused ? 0 : strikes + 1;
      ({ code } = error);
      faults.push({ code, at: at(part) });
    }
  }
  if (answers.size === 0 && first !== undefined) throw first;
  return { answers, faults };
}
