/**
 * The JSON in what AMD's tools print: warnings may stand before it, and the root is a list or, in
 * later versions, an object around it.
 */
import { GatewayError, isRecord } from "../../telemetry/index.ts";
import { saidIn } from "../cards.ts";

/** @throws E_DEVICE_FRAME when there is none */
export function jsonIn(output: string, program: string): unknown {
  const start = /^[[{]/m.exec(output)?.index;
  const end = Math.max(output.lastIndexOf("]"), output.lastIndexOf("}"));
  if (start === undefined || end < start) throw broken(program, output);
  try {
    const parsed: unknown = JSON.parse(output.slice(start, end + 1));
    return parsed;
  } catch (cause) {
    throw new GatewayError("E_DEVICE_FRAME", `${program}: ${saidIn(String(cause))}`, { cause });
  }
}

function broken(program: string, output: string): GatewayError {
  const said = saidIn(output) || "nothing";
  return new GatewayError("E_DEVICE_FRAME", `${program} printed no JSON but: ${said}`);
}

/** A card in a list, and its number. */
export interface Entry {
  readonly index: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Cards of a machine: more is no list of cards. */
const maxCards = 64;

/** The cards of amd-smi: `[{gpu: 0, …}]`, or the same within `{gpu_data: […]}` or the like. */
export function entriesOf(root: unknown): Entry[] {
  const list = Array.isArray(root) ? root : isRecord(root) ? Object.values(root).find(isList) : [];
  if (!isList(list)) return [];
  return list.slice(0, maxCards).flatMap((entry): Entry[] => {
    if (!isRecord(entry)) return [];
    const index = entry["gpu"];
    const isIndex = typeof index === "number" && Number.isSafeInteger(index) && index >= 0;
    return isIndex ? [{ index: String(index), fields: entry }] : [];
  });
}

/** The cards of rocm-smi: `{card0: {…}, system: {…}}`. */
export function cardsOf(root: unknown): Entry[] {
  if (!isRecord(root)) return [];
  return Object.entries(root)
    .slice(0, maxCards)
    .flatMap(([name, fields]): Entry[] => {
      const index = /^card(\d{1,3})$/.exec(name)?.[1];
      return index !== undefined && isRecord(fields) ? [{ index, fields }] : [];
    });
}

/** What stands at a path of keys. */
export function valueAt(fields: unknown, path: string): unknown {
  let at: unknown = fields;
  for (const key of path.split("/")) at = isRecord(at) ? at[key] : undefined;
  return at;
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
