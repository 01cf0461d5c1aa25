/**
 * Annotated CSV, in which InfluxDB 2 answers Flux: tables one under the other, each with lines
 * `#datatype` and `#default`, then the names of its columns, then its rows. An error that arises
 * under way comes as a table of its own inside HTTP 200.
 * https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/
 */
import { GatewayError } from "../../telemetry/index.ts";

/** A row by column; a column without a value is absent. */
export type CsvRow = Readonly<Record<string, number | string>>;

interface Table {
  types: readonly string[];
  defaults: readonly string[];
  names: readonly string[] | undefined;
}

const numeric = /^(long|unsignedLong|double)$/;

/** All rows of an answer. @throws E_QUERY */
export function rowsOf(text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  let table: Table = { types: [], defaults: [], names: undefined };
  for (const cells of recordsOf(text)) {
    const [mark = ""] = cells;
    if (cells.length === 1 && mark === "") {
      table = { types: [], defaults: [], names: undefined };
    } else if (mark.startsWith("#")) {
      if (table.names !== undefined) table = { types: [], defaults: [], names: undefined };
      if (mark === "#datatype") table.types = cells;
      if (mark === "#default") table.defaults = cells;
    } else if (table.names === undefined) {
      table.names = cells;
    } else {
      rows.push(rowOf(cells, table));
    }
  }
  return rows;
}

function rowOf(cells: readonly string[], { types, defaults, names = [] }: Table): CsvRow {
  const row: [string, number | string][] = [];
  names.forEach((name, at) => {
    const cell = cells[at] === "" || cells[at] === undefined ? defaults[at] : cells[at];
    if (name === "" || cell === undefined || cell === "") return;
    row.push([name, numeric.test(types[at] ?? "") ? Number(cell) : cell]);
  });
  const found = Object.fromEntries(row);
  const { error } = found;
  if (error !== undefined && names.includes("reference")) {
    throw new GatewayError("E_QUERY", String(error));
  }
  return found;
}

/** The records of a CSV text, [RFC 4180 §2]: quotes doubled inside quotes, CRLF or LF. */
export function* recordsOf(text: string): Generator<string[]> {
  let cells: string[] = [];
  for (let at = 0; at < text.length;) {
    const quoted = text[at] === '"';
    const end = quoted ? endOfQuoted(text, at) : endOfPlain(text, at);
    const raw = quoted ? text.slice(at + 1, end - 1).replaceAll('""', '"') : text.slice(at, end);
    cells.push(raw);
    at = end;
    if (text[at] === ",") {
      at += 1;
      if (at < text.length) continue;
      cells.push("");
    }
    if (text[at] === "\r") at += 1;
    if (text[at] === "\n") at += 1;
    yield cells;
    cells = [];
  }
}

/** Behind the closing quote. */
function endOfQuoted(text: string, from: number): number {
  for (let at = from + 1; ;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw new GatewayError("E_QUERY", "the answer broke off inside quotes");
    if (text[quote + 1] !== '"') return quote + 1;
    at = quote + 2;
  }
}

const plainEnd = /[,\r\n]/g;

function endOfPlain(text: string, from: number): number {
  plainEnd.lastIndex = from;
  return plainEnd.exec(text)?.index ?? text.length;
}
