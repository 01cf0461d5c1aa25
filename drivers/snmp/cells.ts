/** What an agent said: values by their full names, and the rows that columns have. */
import type { Varbind } from "./door.ts";
import { indexBelow } from "./oid.ts";

/** Rows that one column may have; a table with more is cut, and that is a fault. */
export const mostRows = 2048;

export class Cells {
  /** Bounded by the profile and `mostRows`. */
  readonly #byName = new Map<string, Varbind>();
  readonly #columns = new Map<string, string[]>();

  /** Adds what stands under one name. */
  put(cell: Varbind): void {
    this.#byName.set(cell.oid, cell);
  }

  /** Adds a column's cell. */
  putBelow(column: string, cell: Varbind): void {
    const index = indexBelow(column, cell.oid);
    if (index === undefined) return;
    this.put(cell);
    const rows = this.#columns.get(column) ?? [];
    rows.push(index);
    this.#columns.set(column, rows);
  }

  at(name: string): Varbind | undefined {
    return this.#byName.get(name);
  }

  /** Indexes that a column has. */
  rowsOf(column: string): readonly string[] {
    return this.#columns.get(column) ?? [];
  }

  get size(): number {
    return this.#byName.size;
  }
}
