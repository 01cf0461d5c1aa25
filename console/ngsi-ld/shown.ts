/**
 * The devices that somebody may read, as entities: what `latest` answers, device by device. A
 * device whose message or `meta` is not of our form is shown as far as it is.
 */
import type { Entity, Location, ParsedTopic, ShownDevice } from "../../telemetry/index.ts";
import {
  decodeMessage,
  entitiesOf,
  isRecord,
  levelPattern,
  parseTopic,
} from "../../telemetry/index.ts";
import type { Api, ApiCall } from "../api.ts";

export type Caller = Omit<ApiCall, "request" | "args">;

/** The entities of each device; of one alone, where all wanted ids are its own. */
export async function* shownThere(
  api: Api,
  ids: ReadonlySet<string> | undefined,
  caller: Caller,
): AsyncGenerator<readonly Entity[]> {
  const device = deviceFor(ids);
  const args = { with: "meta", ...(device === undefined ? {} : { device }) };
  for await (const part of await api.ask({ request: "latest", ...caller, args })) {
    for (const thing of Array.isArray(part) ? part : []) yield shownOf(thing);
  }
}

/** The device that all ids are of. */
function deviceFor(ids: ReadonlySet<string> | undefined): string | undefined {
  const devices = new Set([...(ids ?? [])].map((id) => id.split(":")[6] ?? ""));
  const [only = ""] = devices;
  return devices.size === 1 && levelPattern.test(only) ? only : undefined;
}

function shownOf(thing: unknown): readonly Entity[] {
  if (!isRecord(thing) || typeof thing["topic"] !== "string") return [];
  const parsed = parseTopic(thing["topic"]);
  const decoded = decodeMessage(Buffer.from(JSON.stringify(thing["message"] ?? null)), "telemetry");
  const message = "ok" in decoded ? decoded.ok : undefined;
  const [batch] = message?.batches ?? [];
  if (parsed === undefined || message === undefined || batch === undefined) return [];
  return entitiesOf(deviceOf(parsed, { ...thing, place: message.place }), batch);
}

function deviceOf(
  { address }: ParsedTopic,
  { place, meta, state }: { place: ShownDevice["place"]; meta?: unknown; state?: unknown },
): ShownDevice {
  const known = isRecord(meta) ? meta : {};
  return {
    address,
    place,
    vendor: textIn(known["vendor"]),
    model: textIn(known["model"]),
    location: locationIn(known["location"]),
    state: stateIn(state),
  };
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function locationIn(value: unknown): Location | undefined {
  if (!isRecord(value)) return undefined;
  const { latitude, longitude } = value;
  if (typeof latitude !== "number" || typeof longitude !== "number") return undefined;
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180
    ? { latitude, longitude }
    : undefined;
}

/** The last moment that ISO 8601 has in four digits of the year. @unit ms */
const lastMoment = Date.UTC(9999, 0, 1);

function stateIn(value: unknown): ShownDevice["state"] {
  if (!isRecord(value)) return undefined;
  const { state, reason, since } = value;
  if (typeof state !== "string" || typeof reason !== "string") return undefined;
  if (typeof since !== "number" || !(since >= 0 && since < lastMoment)) return undefined;
  return { state, reason, since };
}
