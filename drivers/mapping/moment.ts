/** The time of measurement in a document. */
import type { Json } from "./json.ts";
import type { TimeForm } from "./options.ts";

/** `full-date "T" full-time` with its offset. [RFC 3339 5.6] */
const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** @unit ms since 1970-01-01 UTC; undefined for what is no time */
export function momentOf(raw: Json, format: TimeForm["format"]): number | undefined {
  if (format === "rfc3339") {
    if (typeof raw !== "string" || !rfc3339.test(raw)) return undefined;
    const ms = Date.parse(
      raw
        .replace(" ", "T")
        .replace(/(\.\d{3})\d+/, "$1")
        .toUpperCase(),
    );
    return Number.isSafeInteger(ms) ? ms : undefined;
  }
  if (typeof raw !== "number") return undefined;
  const ms = Math.round(format === "seconds" ? raw * 1000 : raw);
  return Number.isSafeInteger(ms) ? ms : undefined;
}
