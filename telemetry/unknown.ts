/** Narrowing of `unknown` where a schema would be too heavy: the wire's hot path. */

/** Any object that is not null; lists included. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
