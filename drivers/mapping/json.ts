/**
 * JSON from a stranger: bounded in length and depth before it is parsed, so that no document costs
 * more than its size, and anything else is one error. [RFC 8259]
 */
import { GatewayError, messageOf } from "../../telemetry/index.ts";

export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json };

/** Deepest nesting: status documents have five or six levels. */
export const deepest = 64;

/**
 * @param name what it is, for messages: `GET /status`
 * @throws E_DEVICE_FRAME
 */
export function parseJson(text: string, name: string): Json {
  if (depthOf(text) > deepest) {
    throw new GatewayError("E_DEVICE_FRAME", `${name}: JSON nested deeper than ${deepest} levels`);
  }
  try {
    const parsed: Json = JSON.parse(text);
    return parsed;
  } catch (cause) {
    const why = text.trim() === "" ? "nothing came" : `no JSON: ${messageOf(cause)}`;
    throw new GatewayError("E_DEVICE_FRAME", `${name}: ${why}`, { cause });
  }
}

/** Brackets open at once, outside of strings; of a text that is no JSON, no less than there are. */
function depthOf(text: string): number {
  let open = 0;
  let most = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quoted) {
      if (letter === "\\") at += 1;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === "{" || letter === "[") most = Math.max(most, (open += 1));
    else if (letter === "}" || letter === "]") open -= 1;
  }
  return most;
}
