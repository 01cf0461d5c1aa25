/**
 * One configured device looked at closely: what it says it is, and how fast and how cleanly it
 * answers one and the same question. Reads only.
 */
import type { Span } from "../pdu.ts";
import { encodeRead } from "../pdu.ts";
import type { ModbusProfile } from "../profile.ts";
import { rowsOf } from "../profile.ts";
import { isSunSpec } from "../sunspec/resolve.ts";
import type { IdentifyParts, Identity } from "./identity.ts";
import { identifyUnit } from "./identity.ts";
import { exceptionIn } from "./wire.ts";

export interface InspectParts extends IdentifyParts {
  readonly profile: ModbusProfile;
  /** How often it is asked. */
  readonly times: number;
}

export interface Inspection {
  readonly identity: Identity;
  readonly asked: number;
  /** Right answers. */
  readonly answered: number;
  readonly exceptions: number;
  /** Answers with a wrong checksum, or bytes that are no answer. */
  readonly damaged: number;
  readonly silent: number;
  /** From the end of the request until the answer was whole, in order of time. @unit ms */
  readonly took: readonly number[];
}

/** Silent questions in a row after which a device is left alone. */
const silentLimit = 3;

/** Where a SunSpec device mostly begins: its mark, in two registers. */
const sunSpecMark = { table: "holding", at: 40_000, count: 2 } as const;

/** What a device is asked again and again: the first value of its profile. */
function questionOf(profile: ModbusProfile): Span {
  if (isSunSpec(profile)) return sunSpecMark;
  const [first] = rowsOf(profile).flatMap(({ fields }) => fields);
  return first?.span ?? sunSpecMark;
}

/** @throws E_DISCONNECTED */
export async function inspectUnit(parts: InspectParts): Promise<Inspection> {
  const { wire, unit, timeout, profile, signal } = parts;
  const span = questionOf(profile);
  const counts = { asked: 0, answered: 0, exceptions: 0, damaged: 0, silent: 0 };
  const took: number[] = [];
  for (let time = 0; time < parts.times && counts.silent < silentLimit; time += 1) {
    const heard = await wire.ask({ unit, pdu: encodeRead(span), timeout }, signal);
    counts.asked += 1;
    if (heard.kind === "silence") counts.silent += 1;
    else if (heard.kind === "damaged") counts.damaged += 1;
    else {
      took.push(heard.after);
      if (exceptionIn(heard.pdu) === undefined) counts.answered += 1;
      else counts.exceptions += 1;
    }
  }
  const mute = took.length === 0;
  const identity = mute ? { objects: {}, candidates: [], asked: [] } : await identifyUnit(parts);
  return { identity, ...counts, took };
}
