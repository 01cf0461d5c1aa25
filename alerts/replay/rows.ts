/**
 * A store in memory with just what stored rules ask for: one window over the rows of a test.
 * Limit: the caller's; a test has at most 100 series of 100,000 rows.
 */
import type { Aggregate, Query, QuerySeries, Store } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";

export class TestRows implements Pick<Store, "query"> {
  readonly #lines: Line[] = [];

  add(line: Line): void {
    this.#lines.push(line);
  }

  query(query: Query): Promise<readonly QuerySeries[]> {
    const [field = ""] = query.fields;
    const series = new Map<string, { tags: Record<string, string>; values: number[] }>();
    for (const line of this.#lines) {
      const value = line.fields[field];
      if (typeof value !== "number" || !isAsked(query, line)) continue;
      const own = (query.groupBy ?? []).map((name) => [name, line.tags[name] ?? ""] as const);
      const key = JSON.stringify(own);
      const found = series.get(key) ?? { tags: Object.fromEntries(own), values: [] };
      found.values.push(value);
      series.set(key, found);
    }
    const answer = [...series.values()].map(({ tags, values }) => ({
      tags,
      rows: [
        {
          time: query.from,
          values: { [field]: folds[query.aggregate](values) },
          counts: { [field]: values.length },
        },
      ],
    }));
    return Promise.resolve(answer);
  }
}

function isAsked(query: Query, { measurement, time, fields, tags }: Line): boolean {
  if (measurement !== query.measurement) return false;
  if (time < query.from || time >= query.to) return false;
  if (Number(fields["q"] ?? 0) > (query.worstQuality ?? 4)) return false;
  return Object.entries(query.where ?? {}).every(([name, wanted]) => tags[name] === wanted);
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
