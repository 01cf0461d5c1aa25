/** The rows of a mapping with their paths compiled, and what cannot be told of them before. */
import type { FieldFacts } from "../../telemetry/index.ts";
import { fieldFacts, GatewayError } from "../../telemetry/index.ts";
import type { Json } from "./json.ts";
import type { FieldForm, MappingRow } from "./options.ts";
import type { Around, JsonPath } from "./path.ts";
import { compilePath } from "./path.ts";

export interface MappedField {
  readonly name: string;
  readonly form: FieldForm;
  readonly facts: FieldFacts | undefined;
  readonly path: JsonPath;
  /** The document it stands in. */
  readonly from: string;
  /** `status $.sensors[*] @.temp`. */
  readonly at: string;
}

export interface MappedRow {
  readonly measurement: string;
  readonly tag: string | undefined;
  readonly channel: Channel;
  readonly each: JsonPath | undefined;
  readonly optional: boolean;
  readonly fields: readonly MappedField[];
  /** The documents that it is made of. */
  readonly from: ReadonlySet<string>;
}

/** What the channel of a row is made of. */
export type Channel =
  | { readonly is: "fixed"; readonly text: string }
  | { readonly is: "levels"; readonly text: string; readonly names: readonly string[] }
  | { readonly is: "path"; readonly path: JsonPath };

/** What rows may name. */
export interface Known {
  /** Documents by name; never none. */
  readonly documents: readonly string[];
  /** Levels of topics. */
  readonly levels: readonly string[];
}

/** The number of an element of `each`, from 0, as a channel: `{index}`. */
const index = "index";

/** Longest channel. @unit characters */
const longestChannel = 64;

/** @throws E_CONFIG */
export function compileRows(rows: readonly MappingRow[], known: Known): MappedRow[] {
  if (rows.length === 0) throw mistake("nothing to store: give it rows or a profile");
  return rows.map((row, at) => {
    try {
      return compileRow(row, known);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const message = `row ${at + 1} (${row.measurement}): ${error.message}`;
      throw new GatewayError(error.code, message, { cause: error.cause });
    }
  });
}

function compileRow(row: MappingRow, known: Known): MappedRow {
  const { measurement, tags = {}, optional = false } = row;
  const each = row.each === undefined ? undefined : compilePath(row.each);
  if (each?.relative === true) throw mistake("`each` begins with $");
  const [tag, text = ""] = Object.entries(tags)[0] ?? [];
  const levels = each === undefined ? known.levels : [...known.levels, index];
  const channel = channelOf(text, levels);
  if (each !== undefined && !differs(channel)) {
    throw mistake("elements of `each` need a tag that tells them apart: a path @.name, or {index}");
  }
  if (each === undefined && channel.is === "path" && channel.path.relative) {
    throw mistake("a path with @ needs `each`");
  }
  const fields = Object.entries(row.fields).map(([name, form]): MappedField => {
    const path = compilePath(form.path);
    if (path.relative && each === undefined) throw mistake(`${name}: a path with @ needs \`each\``);
    const facts = fieldFacts(measurement, name);
    if (form.type === "text" && facts?.type !== "text" && facts?.type !== "any") {
      throw mistake(`${name}: a number in the register cannot be a text`);
    }
    const from = documentOf(form.from ?? row.from, known);
    const words = [known.documents.length > 1 ? from : "", each?.text ?? "", path.text];
    const at = words.filter((word) => word !== "").join(" ");
    return { name, form, facts, path, from, at };
  });
  const from = new Set(fields.map((field) => field.from));
  if (each !== undefined && from.size > 1) throw mistake("`each` is of one document");
  return { measurement, tag, channel, each, optional, fields, from };
}

function documentOf(given: string | undefined, { documents }: Known): string {
  const only = documents.length === 1 ? documents[0] : undefined;
  const from = given ?? only;
  if (from === undefined) throw mistake(`say \`from\`: one of ${documents.join(", ")}`);
  if (documents.includes(from)) return from;
  throw mistake(`from: no ${from}; there is ${documents.join(", ")}`);
}

function channelOf(text: string, levels: readonly string[]): Channel {
  if (/^[$@]/.test(text)) return { is: "path", path: compilePath(text) };
  const names = [...text.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name);
  const unknown = names.find((name) => !levels.includes(name));
  if (unknown !== undefined) throw mistake(`no level {${unknown}}`);
  return names.length === 0 ? { is: "fixed", text } : { is: "levels", text, names };
}

function differs(channel: Channel): boolean {
  return channel.is === "path" ? channel.path.relative : channel.text.includes(`{${index}}`);
}

/** What a row's channel is here, or undefined when there is none that can be a tag. */
export function channelIn(
  { channel, tag }: MappedRow,
  around: Around,
  levels: Readonly<Record<string, string>>,
): string | undefined {
  if (tag === undefined) return "";
  if (channel.is === "fixed") return channel.text;
  const text =
    channel.is === "path"
      ? wordOf(channel.path.find(around, 1)[0])
      : channel.text.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => levels[name] ?? "");
  const tidy = text.trim();
  return tidy === "" || tidy.length > longestChannel ? undefined : tidy;
}

function wordOf(value: Json): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function mistake(why: string): GatewayError {
  return new GatewayError("E_CONFIG", why);
}
