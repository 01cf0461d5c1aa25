/**
 * Looking into what a service answered, whatever it is: wrong types, missing members and hostile
 * names give undefined, never an error. Pointers are those of RFC 6901 without escapes, which no
 * Redfish property needs.
 */
import { isRecord } from "../../telemetry/index.ts";

/** Where each service begins. */
export const rootPath = "/redfish/v1/";

export type Json = Readonly<Record<string, unknown>>;

/** Longest text taken from a service. @unit characters */
const maxText = 512;

/** Paths stay below the service's root and have nothing in them that ends a request line. */
const pathForm = /^\/redfish\/v1(?:\/[\x21\x24-\x7e]{0,500})?$/;

/** The object, or an empty one. */
export function record(value: unknown): Json {
  return isRecord(value) ? value : {};
}

/** What stands at `A/B/0`; own members only. */
export function member(value: unknown, pointer: string): unknown {
  let found = value;
  for (const name of pointer.split("/")) {
    if (!isRecord(found) || !Object.hasOwn(found, name)) return undefined;
    found = found[name];
  }
  return found;
}

/** A list, cut where it is longer than `most`. */
export function list(value: unknown, most: number): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, most) : [];
}

/** A finite number; some controllers, and all metric reports, write it as a text. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || !/^\s*[+-]?[\d.]+(e[+-]?\d+)?\s*$/i.test(value))
    return undefined;
  const number = value.length > 40 ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : undefined;
}

export function textOf(value: unknown): string | undefined {
  if (typeof value !== "string" || value.trim() === "") return undefined;
  return value.trim().slice(0, maxText);
}

/** A path of the service, without what follows `#`. */
export function pathOf(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const [path = ""] = value.split("#");
  return pathForm.test(path) ? path : undefined;
}

/** The same path however it is written: some services end some of theirs with a slash. */
export function plainPath(path: string): string {
  return path.replace(/\/+$/, "");
}

/** Where a member leads: `{"@odata.id": "/redfish/v1/…"}`. */
export function linkOf(value: unknown, pointer?: string): string | undefined {
  return pathOf(member(pointer === undefined ? value : member(value, pointer), "@odata.id"));
}

/** A resource's own name, unique in its collection. */
export function idOf(body: Json, path: string): string {
  return textOf(body["Id"]) ?? plainPath(path).split("/").at(-1) ?? path;
}

/** ISO 8601 durations as schemas use them: `P1DT2H3M4.5S`. @unit ms */
export function durationOf(value: unknown): number | undefined {
  if (typeof value !== "string" || value.length > 40) return undefined;
  const match = /^P(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?$/.exec(value);
  if (match === null) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((n) => Number(n ?? 0));
  const ms = ((days * 24 + hours) * 3600 + minutes * 60 + seconds) * 1000;
  return Number.isFinite(ms) ? ms : undefined;
}
