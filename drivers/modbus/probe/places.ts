/**
 * Where a register named in a manual may be on the wire. Manuals count from 0 or from 1, and many
 * number holding registers from 40001 and input registers from 30001. [MODBUS-AP 4.4]
 */
import type { RegisterTable, Window } from "./snapshot.ts";
import { registerTables } from "./snapshot.ts";

export interface Place {
  readonly table: RegisterTable;
  readonly at: number;
  /** How the number in the manual came to this address. */
  readonly reading: string;
  /** How unusual that is. @unit nat */
  readonly cost: number;
}

interface Numbering {
  readonly table: RegisterTable;
  readonly from: number;
  readonly to: number;
}

const numberings: readonly Numbering[] = [
  { table: "input", from: 30_001, to: 39_999 },
  { table: "holding", from: 40_001, to: 49_999 },
  { table: "input", from: 300_001, to: 365_536 },
  { table: "holding", from: 400_001, to: 465_536 },
];

const oneOff = 1.2;
const offDocument = 0.6;

/** The places that `at` may mean, the plainest first. */
export function placesOf(at: number, tables: readonly RegisterTable[] = registerTables): Place[] {
  const places: Place[] = [];
  for (const { table, from, to } of numberings) {
    if (at < from - 1 || at > to || !tables.includes(table)) continue;
    const wire = at - from;
    const word = `${table} register ${wire + 1} of the manual`;
    places.push({ table, at: wire, reading: `${at} is ${word}`, cost: 0 });
    const next = `${at}, counted from ${from - 1}`;
    places.push({ table, at: wire + 1, reading: next, cost: oneOff });
  }
  const plain = places.length > 0 ? offDocument : 0;
  for (const table of tables) {
    places.push({ table, at, reading: "as given", cost: plain });
    places.push({
      table,
      at: at - 1,
      reading: "one below: the manual counts from 1",
      cost: plain + offDocument,
    });
    places.push({ table, at: at + 1, reading: "one above", cost: plain + oneOff });
  }
  return places.filter(({ at: wire }) => wire >= 0 && wire <= 0xffff);
}

/** Widest value. @unit registers */
const widest = 4;

/** The windows that hold a value of any width at these places. */
export function windowsOf(places: readonly Place[]): Window[] {
  const windows: Window[] = [];
  for (const table of registerTables) {
    const starts = places.filter((place) => place.table === table).map(({ at }) => at);
    starts.sort((a, b) => a - b);
    for (const at of starts) {
      const to = Math.min(0xffff, at + widest - 1);
      const last = windows.at(-1);
      if (last !== undefined && last.table === table && at <= last.to + 1) {
        windows[windows.length - 1] = { ...last, to: Math.max(to, last.to) };
      } else {
        // An even start: many devices refuse half of a 32-bit value.
        windows.push({ table, from: at & ~1, to });
      }
    }
  }
  return windows;
}
