/** What hosts say to an edge node: NCMD and STATE. Any bytes give a meaning or none. */
import { v } from "../../config/index.ts";
import { decodePayload } from "./payload.ts";

export const rebirthName = "Node Control/Rebirth";

const command = v.object({
  metrics: v.array(
    v.object({ name: v.optional(v.string()), boolean_value: v.optional(v.boolean()) }),
  ),
});

/** Whether a payload of NCMD asks for births; nothing else is taken as a command. */
export function asksForRebirth(payload: Uint8Array): boolean {
  const decoded = decodePayload(payload);
  if (!("ok" in decoded)) return false;
  const parsed = v.safeParse(command, decoded.ok);
  if (!parsed.success) return false;
  const { metrics } = parsed.output;
  return metrics.some(({ name, boolean_value }) => name === rebirthName && boolean_value === true);
}

export interface HostState {
  readonly online: boolean;
  /** @unit ms since 1970-01-01 UTC */
  readonly timestamp: number;
}

/** A STATE payload is JSON: Sparkplug 3.0 section 4.1. */
const state: v.GenericSchema<unknown, HostState> = v.object({
  online: v.boolean(),
  timestamp: v.pipe(v.number(), v.integer()),
});

/** Longest STATE that is looked at. @unit bytes */
const maxState = 4096;

export function hostState(payload: Uint8Array): HostState | undefined {
  if (payload.length > maxState) return undefined;
  const text = Buffer.from(payload).toString();
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), state), text);
  return parsed.success ? parsed.output : undefined;
}
