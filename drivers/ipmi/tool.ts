/** What a tool can ask a controller for, and how its failures are told. */
import type { Code, ErrorDetails } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Sensors } from "./found.ts";
import type { Table } from "./table.ts";

export interface Tool {
  chassis(signal: AbortSignal): Promise<Table>;
  /** @throws Unsupported */
  power(signal: AbortSignal): Promise<Table>;
  sensors(signal: AbortSignal): Promise<Sensors>;
}

/** The controller does not know the command (completion code C1): it never will. */
export class Unsupported extends GatewayError {
  constructor(message: string, details: ErrorDetails = {}) {
    super("E_DEVICE_REFUSED", message, details);
  }
}

/** Words of a tool, and what they mean. */
export interface Meaning {
  readonly says: RegExp;
  readonly code: Code | "unsupported";
  /** Stands behind what it said. */
  readonly hint?: string;
}

/** The error behind what a tool said; undefined: it said nothing of this kind. */
export function meaningOf(
  who: string,
  said: string,
  meanings: readonly Meaning[],
): GatewayError | undefined {
  for (const line of said.split("\n")) {
    const meaning = meanings.find(({ says }) => says.test(line));
    if (meaning === undefined) continue;
    const hint = meaning.hint === undefined ? "" : `; ${meaning.hint}`;
    const message = `${who}: ${line.replace(/^[>\s]+/, "").trim()}${hint}`;
    if (meaning.code === "unsupported") return new Unsupported(message);
    return new GatewayError(meaning.code, message);
  }
  return undefined;
}

/** What is left to say when a tool failed and gave no reason that is known. */
export function failure(who: string, exit: number, said: string): GatewayError {
  const words = said === "" ? "" : `: ${said.replaceAll(/\s*\n\s*/g, "; ").slice(-200)}`;
  return new GatewayError("E_PROGRAM", `${who}: the tool ended with ${exit}${words}`);
}

export const localHint =
  "load the module ipmi_devintf, and let this user read and write /dev/ipmi0";
