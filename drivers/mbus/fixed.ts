/**
 * The fixed data structure (CI 73) of meters from before records were invented: two counters.
 * [MBUS-DOC 6.2]
 *
 *   | identification 4 | access | status | unit 1 | unit 2 | counter 4 | counter 4 |
 *
 *   status  bit 0 counters are binary, not BCD; bit 1 they are of a set day; the rest as elsewhere
 *   unit    bits 0-5 a code of the table below, 6-7 half of the medium
 */
import { decodeBcd, decodeWhole } from "./numbers.ts";
import type { Quantity } from "./quantities.ts";
import type { DataRecord } from "./records.ts";

export const fixedBytes = 16;

const binary = 0x01;
const ofSetDay = 0x02;
const unitBits = 0x3f;

/** The second counter is the first one's, of a set day. */
const sameButStored = 0x3e;

interface Units {
  /** First code of a row of powers of ten. */
  readonly from: number;
  readonly count: number;
  readonly name: string;
  /** What the first code of the row counts in, in the unit of the quantity. */
  readonly times: number;
  readonly over: number;
}

/** Table of units. [MBUS-DOC 6.2] */
const units: readonly Units[] = [
  { from: 0x02, count: 9, name: "energy", times: 1, over: 1 },
  { from: 0x0b, count: 9, name: "energy", times: 1000, over: 3600 },
  { from: 0x14, count: 9, name: "power", times: 1, over: 1 },
  { from: 0x1d, count: 9, name: "power", times: 1000, over: 3600 },
  { from: 0x26, count: 9, name: "volume", times: 1, over: 1e6 },
  { from: 0x2f, count: 9, name: "volume_flow", times: 1, over: 1e6 },
  { from: 0x38, count: 1, name: "external_temperature", times: 1, over: 1000 },
  { from: 0x39, count: 1, name: "cost_allocator", times: 1, over: 1 },
];

/** The status byte as other meters send it. */
export function fixedStatus(data: Uint8Array): number {
  return (data[5] ?? 0) & ~(binary | ofSetDay);
}

/** Both counters of at least 16 bytes. */
export function decodeFixed(data: Uint8Array): DataRecord[] {
  const status = data[5] ?? 0;
  const own = [6, 7].map((at) => (data[at] ?? 0) & unitBits);
  return own.map((code, index) => {
    const stored = code === sameButStored || (status & ofSetDay) !== 0;
    const unit = code === sameButStored ? (own[0] ?? code) : code;
    const raw = data.slice(8 + 4 * index, 12 + 4 * index);
    return {
      function: "instantaneous",
      storage: stored ? 1 : 0,
      tariff: 0,
      subunit: 0,
      vif: "",
      named: undefined,
      quantity: quantityOf(unit),
      value: (status & binary) === 0 ? decodeBcd(raw) : decodeWhole(raw),
      raw,
    };
  });
}

function quantityOf(code: number): Quantity | undefined {
  const row = units.find(({ from, count }) => code >= from && code < from + count);
  if (row === undefined) return undefined;
  const { name, from, times, over } = row;
  return { name, times: times * 10 ** (code - from), over, plus: 0, missing: false };
}
