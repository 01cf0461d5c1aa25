/**
 * A store in memory with just what stored rules ask for: windows over the rows of a test.
 * Limit: the caller's; a test has at most 100 series of 100,000 rows.
 */
import type { Aggregate, Query, QueryRow, QuerySeries, Store } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";

export class TestRows implements Pick<Store, "query"> {
  readonly #lines: Line[] = [];

  add(line: Line): void {
    this.#lines.push(line);
  }

  query(query: Query): Promise<readonly QuerySeries[]> {
    const asked = this.#lines.filter((line) => isAsked(query, line));
    const tagsOf = (line: Line): [string, string][] =>
      (query.groupBy ?? []).map((name) => [name, line.tags[name] ?? ""]);
    const series = Map.groupBy(asked, (line) => JSON.stringify(tagsOf(line)));
    const answer = [...series.values()].map((lines) => ({
      tags: Object.fromEntries(lines.slice(0, 1).flatMap(tagsOf)),
      rows: rowsOf(query, lines),
    }));
    return Promise.resolve(answer.filter(({ rows }) => rows.length > 0));
  }
}

function isAsked(query: Query, { measurement, time, fields, tags }: Line): boolean {
  if (measurement !== query.measurement) return false;
  if (time < query.from || time >= query.to) return false;
  if (Number(fields["q"] ?? 0) > (query.worstQuality ?? 4)) return false;
  return Object.entries(query.where ?? {}).every(([name, wanted]) => tags[name] === wanted);
}

function rowsOf(query: Query, lines: readonly Line[]): QueryRow[] {
  const { from, every } = query;
  const startOf = ({ time }: Line): number =>
    every === undefined ? from : Math.floor(time / every) * every;
  const windows = [...Map.groupBy(lines, startOf)].toSorted(([a], [b]) => a - b);
  return windows
    .map(([time, same]) => rowOf(query, same, time))
    .filter(({ counts }) => Object.keys(counts).length > 0);
}

function rowOf({ fields, aggregate }: Query, lines: readonly Line[], time: number): QueryRow {
  const values: Record<string, number> = {};
  const counts: Record<string, number> = {};
  for (const field of fields) {
    const all = lines.map((line) => line.fields[field]).filter((one) => typeof one === "number");
    if (all.length === 0) continue;
    values[field] = folds[aggregate](all);
    counts[field] = all.length;
  }
  return { time, values, counts };
}

/** Of at least one value, in order of time. */
const folds: Readonly<Record<Aggregate, (values: readonly number[]) => number>> = {
  count: (values) => values.length,
  sum,
  min: (values) =>
    values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
  max: (values) => values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY),
  mean: (values) => sum(values) / values.length,
  first: (values) => values[0] ?? Number.NaN,
  last: (values) => values.at(-1) ?? Number.NaN,
};

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
