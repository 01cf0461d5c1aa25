/**
 * Rows of one series in columns, in order of time, no two of one time. A value that is missing is
 * NaN among numbers (only finite ones are ever stored) and undefined among texts.
 */

export type Texts = (string | undefined)[];
export type Column = Float64Array | Texts;

export interface Block {
  /** Ascending. @unit ms since 1970-01-01 UTC */
  readonly times: Float64Array;
  /** By field id. */
  readonly columns: ReadonlyMap<number, Column>;
}

/** A column of missing values. */
export function emptyColumn(text: boolean, length: number): Column {
  if (!text) return new Float64Array(length).fill(Number.NaN);
  return Array.from<string | undefined>({ length });
}

/** First place whose time is not before `time`. */
export function placeOf(times: Float64Array, time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Copies the values that are there. */
function copyValues(
  { column, places }: { readonly column: Column; readonly places: Uint32Array },
  target: Column,
): void {
  if (column instanceof Float64Array && target instanceof Float64Array) {
    for (let i = 0; i < places.length; i += 1) {
      const value = column[i] ?? Number.NaN;
      if (value === value) target[places[i] ?? 0] = value;
    }
    return;
  }
  for (let i = 0; i < places.length; i += 1) {
    const value = column[i];
    if (typeof value === "string" && !(target instanceof Float64Array)) {
      target[places[i] ?? 0] = value;
    }
  }
}

/** Both blocks as one; where both have a value of one field and time, that of `newer` stays. */
export function mergeBlocks(older: Block, newer: Block): Block {
  if (older.times.length === 0) return newer;
  if (newer.times.length === 0) return older;
  const [left, right] = [new Uint32Array(older.times.length), new Uint32Array(newer.times.length)];
  const all = new Float64Array(left.length + right.length);
  let length = 0;
  for (let i = 0, j = 0; i < left.length || j < right.length; length += 1) {
    const a = older.times[i] ?? Number.POSITIVE_INFINITY;
    const b = newer.times[j] ?? Number.POSITIVE_INFINITY;
    all[length] = Math.min(a, b);
    if (a <= b) left[i++] = length;
    if (b <= a) right[j++] = length;
  }
  const columns = new Map<number, Column>();
  const sources = [
    { block: older, places: left },
    { block: newer, places: right },
  ];
  for (const { block, places } of sources) {
    for (const [id, column] of block.columns) {
      const text = !(column instanceof Float64Array);
      const target = columns.get(id) ?? emptyColumn(text, length);
      columns.set(id, target);
      copyValues({ column, places }, target);
    }
  }
  return { times: all.slice(0, length), columns };
}

/** Rows in any order as a block; of rows with one time the later one's values stay. */
export function sortedBlock(block: Block): Block {
  const { times } = block;
  if (isAscending(times)) return block;
  const order = Uint32Array.from(times, (_, i) => i).toSorted(
    (a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b,
  );
  const places = new Uint32Array(times.length);
  const sorted = new Float64Array(times.length);
  let length = 0;
  for (const from of order) {
    const time = times[from] ?? 0;
    if (length === 0 || sorted[length - 1] !== time) {
      sorted[length] = time;
      length += 1;
    }
    places[from] = length - 1;
  }
  const columns = new Map<number, Column>();
  for (const [id, column] of block.columns) {
    const target = emptyColumn(!(column instanceof Float64Array), length);
    // In the order of writing, so that the later value stays.
    copyValues({ column, places }, target);
    columns.set(id, target);
  }
  return { times: sorted.slice(0, length), columns };
}

function isAscending(times: Float64Array): boolean {
  for (let i = 1; i < times.length; i += 1) {
    if ((times[i - 1] ?? 0) >= (times[i] ?? 0)) return false;
  }
  return true;
}

/** The rows `start` to `end`, without a copy of numbers. */
export function partOf(block: Block, start: number, end: number): Block {
  if (start === 0 && end === block.times.length) return block;
  const columns = new Map<number, Column>();
  for (const [id, column] of block.columns) {
    const part =
      column instanceof Float64Array ? column.subarray(start, end) : column.slice(start, end);
    columns.set(id, part);
  }
  return { times: block.times.subarray(start, end), columns };
}

/** The rows of a span. @param to not included */
export function spanOf(block: Block, from: number, to: number): Block {
  return partOf(block, placeOf(block.times, from), placeOf(block.times, to));
}
