/**
 * A message of the broker, taken apart once for all who listen there: its levels at once, its
 * document when the first of them wants it.
 */
import { GatewayError } from "../../telemetry/index.ts";
import type { Json } from "../mapping/json.ts";
import { parseJson } from "../mapping/json.ts";
import type { MqttMessage } from "../transport/mqtt.ts";

/** Longest payload that is looked at: more than any status document. @unit bytes */
export const payloadLimit = 64 * 1024;

export interface Said {
  readonly topic: string;
  readonly levels: readonly string[];
  readonly retained: boolean;
  /** The payload as text. */
  readonly text: () => string | undefined;
  /** The payload as JSON. */
  readonly json: () => Json | GatewayError;
}

export function saidIn({ topic, payload, retained }: MqttMessage): Said {
  let text: string | undefined;
  let json: { readonly value: Json | GatewayError } | undefined;
  const readText = (): string | undefined => (text ??= textOf(payload));
  return {
    topic,
    levels: topic.split("/"),
    retained,
    text: readText,
    json: () => (json ??= { value: jsonOf(readText(), topic) }).value,
  };
}

function textOf(payload: Uint8Array): string | undefined {
  if (payload.length > payloadLimit) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch {
    // No UTF-8 is no text; the caller counts it.
    return undefined;
  }
}

function jsonOf(text: string | undefined, topic: string): Json | GatewayError {
  if (text === undefined)
    return new GatewayError("E_DEVICE_FRAME", `${topic}: no text, or too long`);
  try {
    return parseJson(text, topic);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}
