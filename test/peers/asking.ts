/** Questions as people send them: InfluxQL, SQL and Flux over HTTP. */
import { isRecord } from "../../telemetry/index.ts";

export type Row = Readonly<Record<string, unknown>>;

/** The rows of one statement's only series. */
export async function askInfluxql(url: string, db: string, q: string): Promise<readonly Row[]> {
  const all = await influxqlSeries(url, db, q);
  if (all.length > 1) throw new Error(`${all.length} series instead of one: ${q}`);
  return all[0]?.rows ?? [];
}

export interface Series {
  readonly tags: Row;
  readonly rows: readonly Row[];
}

/** Every series of one statement. */
export async function influxqlSeries(
  url: string,
  db: string,
  q: string,
): Promise<readonly Series[]> {
  const body = new URLSearchParams({ db, q, epoch: "ms" });
  const answer: unknown = await (await fetch(`${url}/query`, { method: "POST", body })).json();
  const results = isRecord(answer) && Array.isArray(answer["results"]) ? answer["results"] : [];
  const result: unknown = results[0];
  if (!isRecord(result) || results.length !== 1 || "error" in result) {
    throw new Error(`${JSON.stringify(answer)}: ${q}`);
  }
  const series: readonly unknown[] = Array.isArray(result["series"]) ? result["series"] : [];
  return series.filter(isRecord).map(({ tags, columns, values }) => ({
    tags: isRecord(tags) ? tags : {},
    rows: rowsOf(columns, values),
  }));
}

function rowsOf(columns: unknown, values: unknown): readonly Row[] {
  const names: readonly unknown[] = Array.isArray(columns) ? columns : [];
  const rows: readonly unknown[] = Array.isArray(values) ? values : [];
  return rows.map((row) =>
    Object.fromEntries(
      names.map((name, at) => [String(name), Array.isArray(row) ? row[at] : undefined]),
    ),
  );
}

/** The rows, or why there are none. */
export async function askSql(url: string, db: string, q: string): Promise<readonly Row[] | string> {
  const body = JSON.stringify({ db, q, format: "jsonl" });
  const answer = await fetch(`${url}/api/v3/query_sql`, { method: "POST", body });
  const text = await answer.text();
  if (answer.status !== 200) return text;
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line): unknown => JSON.parse(line)).filter(isRecord);
}

/** The last row of each result, its numbers as such. @throws what the server says */
export async function askFlux(url: string, query: string): Promise<ReadonlyMap<string, Row>> {
  const answer = await fetch(`${url}/api/v2/query`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/csv" },
    body: JSON.stringify({ query, dialect: { annotations: [] } }),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(text);
  const found = new Map<string, Row>();
  let head: readonly string[] = [];
  for (const line of text.split("\r\n")) {
    const cells = line.split(",");
    if (line === "") head = [];
    else if (head.length === 0) head = cells;
    else {
      const row = head.map((name, at): [string, string] => [name, cells[at] ?? ""]);
      const values = row.filter(([name]) => !["", "result", "table"].includes(name));
      const result = Object.fromEntries(row)["result"] ?? "";
      found.set(result, Object.fromEntries(values.map(([name, value]) => [name, Number(value)])));
    }
  }
  return found;
}
