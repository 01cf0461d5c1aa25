/**
 * An honest small server for the writing half of each dialect: it parses line protocol, keeps one
 * type for each field, merges rows by series and time, and refuses lines in the words of the
 * product. It answers no question; tests look at its rows.
 */
import { assertNever } from "../../telemetry/index.ts";
import type { Answer, HttpServer, Request } from "./http_server.ts";
import { serve } from "./http_server.ts";

export const fakeKinds = ["v1", "v2", "v3", "questdb", "victoria"] as const;
export type FakeKind = (typeof fakeKinds)[number];

export interface FakeLines extends HttpServer {
  /** Fields by `series time`. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

interface Parsed {
  readonly number: number;
  readonly key: string;
  readonly measurement: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

interface Refusal {
  readonly number: number;
  readonly reason: string;
}

/** Starts one; bodies above `largest` characters are too large for it. */
export async function fakeLines(kind: FakeKind, largest = Infinity): Promise<FakeLines> {
  const rows = new Map<string, Map<string, string>>();
  const types = new Map<string, string>();
  const take = ({ body }: Request): Answer => {
    if (body.length > largest) return { status: 413 };
    const lines = body.split("\n").map((text, at) => parsed(text, at + 1));
    const bad = lines.find(({ fields }) => fields.some(([name]) => name === "x_malformed"));
    // All but InfluxDB 3 leave a request with a line that they cannot read undone.
    if (bad !== undefined && kind !== "v3") return malformed(kind, bad);
    const refused: Refusal[] = [];
    const learned = new Map(types);
    const taken = lines.filter((line) => {
      const reason = line === bad || isMalformed(line) ? "malformed" : conflictIn(line, learned);
      if (reason !== undefined) refused.push({ number: line.number, reason });
      return reason === undefined;
    });
    // QuestDB takes a request whole or not at all.
    if (kind === "questdb" && refused.length > 0) return refusal(kind, refused);
    for (const [field, type] of learned) types.set(field, type);
    for (const { key, fields } of taken) {
      rows.set(key, new Map([...(rows.get(key) ?? []), ...fields]));
    }
    return refused.length === 0 ? { status: 204 } : refusal(kind, refused);
  };
  return Object.assign(await serve(take), { rows });
}

/** Names without escapes only: what needs them is tested with the encoder. */
function parsed(text: string, number: number): Parsed {
  const [series = "", fieldset = "", time = ""] = text.split(" ");
  const fields = fieldset.split(",").map((field) => {
    const [name = "", value = ""] = field.split("=");
    return [name, value] as const;
  });
  return { number, key: `${series} ${time}`, measurement: series.split(",")[0] ?? "", fields };
}

function isMalformed({ fields }: Parsed): boolean {
  return fields.some(([name]) => name === "x_malformed");
}

/** Learns the types of a line, or says which field has another one. */
function conflictIn(
  { measurement, fields }: Parsed,
  types: Map<string, string>,
): string | undefined {
  for (const [name, value] of fields) {
    const type = value.startsWith('"') ? "string" : value.endsWith("i") ? "integer" : "float";
    const known = types.get(`${measurement} ${name}`);
    if (known !== undefined && known !== type) {
      return `field type conflict: input field "${name}" is type ${type}, exists as ${known}`;
    }
    types.set(`${measurement} ${name}`, type);
  }
  return undefined;
}

function malformed(kind: FakeKind, { number }: Parsed): Answer {
  const said = `unable to parse 'line ${number}': invalid field format`;
  switch (kind) {
    case "v1":
      return { status: 400, body: JSON.stringify({ error: said }) };
    case "questdb":
      return refusal(kind, [{ number, reason: said }]);
    case "victoria":
      return { status: 400, body: `error in "/write": cannot parse influx line ${number}` };
    case "v2":
    case "v3":
      return { status: 400, body: JSON.stringify({ code: "invalid", message: said }) };
    default:
      return assertNever(kind);
  }
}

function refusal(kind: FakeKind, refused: readonly Refusal[]): Answer {
  const [first] = refused;
  const partial = `partial write: ${first?.reason} dropped=${refused.length}`;
  switch (kind) {
    case "v1":
      return { status: 400, body: JSON.stringify({ error: partial }) };
    case "v2": {
      const message = `failure writing points to database: ${partial} for database: 9f28`;
      return { status: 422, body: JSON.stringify({ code: "unprocessable entity", message }) };
    }
    case "v3": {
      const data = refused.slice(0, 100).map(({ number, reason }) => {
        return { original_line: "…", line_number: number, error_message: reason };
      });
      const error = "partial write of line protocol occurred";
      return { status: 400, body: JSON.stringify({ error, data }) };
    }
    case "questdb":
    case "victoria": {
      const { number: line, reason: message } = first ?? { number: 0, reason: "" };
      return { status: 400, body: JSON.stringify({ code: "invalid", message, line }) };
    }
    default:
      return assertNever(kind);
  }
}
