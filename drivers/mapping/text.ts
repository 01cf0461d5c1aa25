/**
 * Text that programs print, as documents: JSON, lines of `key=value`, and CSV with a line of names.
 * Strict, so that half of an output is an error and never half of a reading.
 */
import { GatewayError } from "../../telemetry/index.ts";
import type { Json } from "./json.ts";
import { parseJson } from "./json.ts";

export const textFormats = ["json", "lines", "csv"] as const;
export type TextFormat = (typeof textFormats)[number];

/** Lines that are looked at. */
export const maxLines = 10_000;

/** How a text is divided. */
export interface TextForm {
  readonly format: TextFormat;
  /** Between key and value, or between the values of a line of CSV. */
  readonly separator: string;
}

/**
 * json: as it stands; lines: an object, the last of a key counts; csv: a list of objects.
 * @param name what it is, for messages
 * @throws E_DEVICE_FRAME
 */
export function documentOf(text: string, { format, separator }: TextForm, name: string): Json {
  if (format === "json") return parseJson(text, name);
  if (format === "lines") return linesOf(text, separator, name);
  return csvOf(text, separator, name);
}

/** Empty lines and those that begin with # are left out. */
function linesOf(text: string, separator: string, name: string): Json {
  const pairs: [string, string][] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (index >= maxLines) throw frame(name, `more than ${maxLines} lines`);
    if (line.trim() === "" || line.startsWith("#")) continue;
    const at = line.indexOf(separator);
    if (at === -1) throw frame(name, `line ${index + 1} has no "${separator}"`);
    pairs.push([line.slice(0, at).trim(), line.slice(at + separator.length).trim()]);
  }
  if (pairs.length === 0) throw frame(name, "nothing came");
  return Object.fromEntries(pairs);
}

/** The first line names the columns; each other has as many. [RFC 4180 2] */
function csvOf(text: string, separator: string, name: string): Json {
  const [names, ...records] = csvRecords(text, separator, name);
  if (names === undefined) throw frame(name, "nothing came");
  const columns = names.map((column) => column.trim());
  return records.map((record, index) => {
    if (record.length !== columns.length) {
      const why = `record ${index + 1} has ${record.length} values, not ${columns.length}`;
      throw frame(name, why);
    }
    return Object.fromEntries(columns.map((column, at) => [column, record[at] ?? ""]));
  });
}

/** In quotes stand separators and line breaks, and quotes written twice. [RFC 4180 2] */
function csvRecords(text: string, separator: string, name: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let at = 0;
  while (at < text.length) {
    const { value, end } = csvValue(text, at, separator);
    if (end === undefined) throw frame(name, "a quote is not closed");
    record.push(value);
    at = end;
    if (text.startsWith(separator, at)) {
      at += separator.length;
      if (at < text.length) continue;
      record.push("");
    }
    const [line] = /^\r?\n/.exec(text.slice(at, at + 2)) ?? [];
    if (line === undefined && at < text.length) throw frame(name, `text after a quote at ${at}`);
    at += line?.length ?? 0;
    if (record.length > 1 || record[0]?.trim() !== "") records.push(record);
    if (records.length > maxLines) throw frame(name, `more than ${maxLines} records`);
    record = [];
  }
  return records;
}

interface CsvValue {
  readonly value: string;
  /** Where it ends; undefined: never. */
  readonly end: number | undefined;
}

function csvValue(text: string, from: number, separator: string): CsvValue {
  if (text[from] !== '"') {
    // Letter by letter: looking for each end from each value would look at all of it each time.
    let end = from;
    while (end < text.length && text[end] !== "\n" && !text.startsWith(separator, end)) end += 1;
    const cut = text[end] === "\n" && text[end - 1] === "\r" && end > from ? end - 1 : end;
    return { value: text.slice(from, cut), end: cut };
  }
  let value = "";
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return { value, end: undefined };
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    at = quote + 2;
  }
}

function frame(name: string, why: string): GatewayError {
  return new GatewayError("E_DEVICE_FRAME", `${name}: ${why}`);
}
