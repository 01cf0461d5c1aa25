/** Object identifiers as texts of numbers and dots. */

/** Arcs are 32-bit, and there are at most 128 of them. [RFC 2578 3.5] */
export const oidPattern = /^[012](\.(0|[1-9]\d{0,9})){1,127}$/;

/** What follows `base` in `oid`: `1.3` in `1.3.6` is `6`; undefined when it is not below. */
export function indexBelow(base: string, oid: string): string | undefined {
  return oid.startsWith(`${base}.`) ? oid.slice(base.length + 1) : undefined;
}

/** The order in which agents give them. */
export function compareOids(one: string, other: string): number {
  const left = one.split(".");
  const right = other.split(".");
  for (let at = 0; at < left.length && at < right.length; at += 1) {
    const difference = Number(left[at]) - Number(right[at]);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Everything but the last arc. */
export function parentOf(oid: string): string {
  return oid.slice(0, oid.lastIndexOf("."));
}

/** Bytes of a name on the wire, its tag and length included. @unit bytes */
export function encodedLength(oid: string): number {
  const arcs = oid.split(".").map(Number);
  const bytes = arcs.slice(2).reduce((sum, arc) => {
    return sum + Math.max(1, Math.ceil(Math.log2(arc + 1) / 7));
  }, 1);
  return bytes + 2;
}
