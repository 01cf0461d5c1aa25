/**
 * SQL over what a store holds: each measurement that a statement names is read into a table in
 * memory, and SQLite answers from there. So open and sealed days, roll-ups and every engine look
 * the same, and no statement touches the store's own file. Only reading is allowed.
 *
 * A table has `time` (ms since 1970-01-01 UTC), a column for each tag, and one for each field of
 * the register, stored or not. SQLite is synchronous: for a process that does nothing else.
 */
import { constants, DatabaseSync } from "node:sqlite";
import type { SQLInputValue } from "node:sqlite";
import type { Line } from "../telemetry/index.ts";
import { channelTagOf, columnFacts, GatewayError, measurementEntry } from "../telemetry/index.ts";
import { messageOf, placeTags } from "../telemetry/index.ts";
import type { Span, Store } from "./contract.ts";
import { quoteName } from "./influxdb3/columns.ts";

/** Most rows that are held in memory, of all tables: some 2 GiB. */
export const mostSqlRows = 5_000_000;

/** Most tables of one statement. */
const mostTables = 32;

export type SqlValue = number | string | null;

export interface SqlTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
}

type Asked = Pick<Store, "scan" | "measurements" | "fields">;

const allowed: ReadonlySet<number> = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
]);

/** Answers statements about rows of one span of time; tables stay until it is disposed. */
export class SqlReader implements Disposable {
  readonly #database = new DatabaseSync(":memory:");
  readonly #store: Asked;
  readonly #span: Pick<Span, "from" | "to">;
  #rows = 0;

  constructor(store: Asked, span: Pick<Span, "from" | "to">) {
    this.#store = store;
    this.#span = span;
  }

  /** @throws E_QUERY, E_STORE_DOWN, E_STORE_CONFIG */
  async ask(sql: string, signal: AbortSignal): Promise<SqlTable> {
    for (let tables = 0; tables <= mostTables; tables += 1) {
      const answer = this.#answer(sql);
      if (typeof answer !== "string") return answer;
      await this.#load(answer, signal);
    }
    throw new GatewayError("E_QUERY", `a statement may name ${mostTables} tables`);
  }

  /** The answer, or the name of a table that is not there yet. */
  #answer(sql: string): SqlTable | string {
    const database = this.#database;
    database.setAuthorizer((action) =>
      allowed.has(action) ? constants.SQLITE_OK : constants.SQLITE_DENY,
    );
    try {
      const statement = database.prepare(sql);
      const columns = statement.columns().map(({ name }) => name);
      statement.setReturnArrays(true);
      const rows: SqlValue[][] = [];
      for (const row of statement.iterate()) rows.push(Object.values(row).map(valueOf));
      return { columns, rows };
    } catch (error) {
      const said = messageOf(error);
      const [, missing] = /^no such table: (.+)$/.exec(said) ?? [];
      if (missing !== undefined) return missing;
      const why = said === "not authorized" ? "only SELECT is allowed" : said;
      throw new GatewayError("E_QUERY", why, { cause: error });
    } finally {
      database.setAuthorizer(null);
    }
  }

  async #load(measurement: string, signal: AbortSignal): Promise<void> {
    const stored = await this.#store.measurements(signal);
    const known = measurementEntry(measurement);
    if (known === undefined && !stored.includes(measurement)) {
      const names = stored.length === 0 ? "the store is empty" : `there are ${stored.join(", ")}`;
      throw new GatewayError("E_QUERY", `no measurement ${measurement}; ${names}`);
    }
    const channel = channelTagOf(measurement);
    const tags = channel === undefined ? placeTags : [...placeTags, channel];
    const found = stored.includes(measurement) ? await this.#store.fields(measurement, signal) : [];
    const fields = [...new Set([...Object.keys(known?.fields ?? {}), "q", ...found])].filter(
      (field) => field !== "time" && !tags.some((tag) => tag === field),
    );
    const columns = [
      "time INTEGER NOT NULL",
      ...tags.map((tag) => `${quoteName(tag)} TEXT`),
      ...fields.map((field) => `${quoteName(field)} ${affinityOf(measurement, field)}`),
    ];
    const name = quoteName(measurement);
    this.#database.exec(`CREATE TABLE ${name} (${columns.join(", ")})`);
    const places = columns.map(() => "?").join(", ");
    const insert = this.#database.prepare(`INSERT INTO ${name} VALUES (${places})`);
    for await (const lines of this.#store.scan({ measurement, ...this.#span }, signal)) {
      this.#rows += lines.length;
      if (this.#rows > mostSqlRows) {
        const why = `there are more than ${mostSqlRows} rows; ask for less time`;
        throw new GatewayError("E_QUERY", why);
      }
      for (const line of lines) insert.run(...valuesOf(line, tags, fields));
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** Whole numbers are told from others, so that dividing two of them gives a whole one. */
function affinityOf(measurement: string, field: string): string {
  const type = columnFacts(measurement, field)?.type;
  return { integer: "INTEGER", float: "REAL", text: "TEXT", any: "" }[type ?? "any"];
}

function valuesOf(
  line: Line,
  tags: readonly string[],
  fields: readonly string[],
): readonly SQLInputValue[] {
  return [
    line.time,
    ...tags.map((tag) => line.tags[tag] ?? null),
    ...fields.map((field) => line.fields[field] ?? null),
  ];
}

function valueOf(value: unknown): SqlValue {
  return typeof value === "number" || typeof value === "string" ? value : null;
}

/**
 * The statements of a file: what stands between semicolons outside quotes and remarks, without
 * those that are empty.
 */
export function sqlStatements(text: string): readonly string[] {
  const statements: string[] = [];
  let current = "";
  const piece = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|[\s\S]/g;
  for (const [part] of text.matchAll(piece)) {
    if (part === ";") {
      statements.push(current.trim());
      current = "";
    } else if (part.startsWith("--") || (part.startsWith("/*") && part.length > 2)) current += " ";
    else current += part;
  }
  return [...statements, current.trim()].filter((one) => one !== "");
}
