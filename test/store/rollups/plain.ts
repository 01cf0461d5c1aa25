/**
 * A store as plain as can be: all rows in memory, merged by identity, answers worked out in one
 * pass. It may be slow, down, or say no after it has taken what it was given.
 */
import type {
  SummaryQuery,
  SummarySeries,
  Span,
  Store,
  WriteResult,
} from "../../../store/index.ts";
import type { Line, Tags } from "../../../telemetry/index.ts";
import { GatewayError, rollupOf } from "../../../telemetry/index.ts";
import type { Chance } from "../../voyage/chance.ts";
import type { SimProcess } from "../../voyage/process.ts";

export function seriesOf(tags: Tags): string {
  return JSON.stringify(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** What survives the process: by measurement, by series and time. */
export class PlainRows {
  readonly byMeasurement = new Map<string, Map<string, Line>>();
  /** Whether its summaries tell rises. */
  sumsRises = false;
  /** Every write of raw rows takes this long. @unit ms */
  slow = 0;
  /** Writes that go well before one call fails. */
  failAfterWrites: number | undefined;

  put(lines: readonly Line[]): void {
    for (const line of lines) {
      const rows = this.byMeasurement.get(line.measurement) ?? new Map<string, Line>();
      this.byMeasurement.set(line.measurement, rows);
      const key = `${line.time} ${seriesOf(line.tags)}`;
      rows.set(key, { ...line, fields: { ...rows.get(key)?.fields, ...line.fields } });
    }
  }

  /** In order of time. */
  of(measurement: string): Line[] {
    const rows = this.byMeasurement.get(measurement)?.values() ?? [];
    return [...rows].toSorted((a, b) => a.time - b.time);
  }
}

/** How a process sees it; `trouble` is how often a call fails. */
export interface Seen {
  readonly process: SimProcess;
  readonly chance: Chance;
  readonly trouble: () => number;
}

export function plainStore(rows: PlainRows, { process, chance, trouble }: Seen): Store {
  const later = async <T>(act: () => T, signal: AbortSignal, slow = 0): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    process.clock.after(chance.whole(0, 20) + slow, resolve);
    await promise;
    if (rows.failAfterWrites === 0) {
      rows.failAfterWrites = undefined;
      throw new GatewayError("E_STORE_DOWN", "once");
    }
    if (signal.aborted) throw new GatewayError("E_STORE_DOWN", "down");
    if (chance.chance(trouble() / 2)) throw new GatewayError("E_STORE_DOWN", "down");
    const answer = act();
    if (chance.chance(trouble() / 2)) throw new GatewayError("E_STORE_DOWN", "it lies");
    return answer;
  };
  const spanned = ({ measurement, from, to }: Span): Line[] =>
    rows.of(measurement).filter(({ time }) => time >= from && time < to);
  return {
    title: "plain",
    ...(rows.sumsRises ? { sumsRises: true } : {}),
    write: (lines, signal) =>
      later(
        (): WriteResult => {
          rows.put(lines);
          if (rows.failAfterWrites !== undefined) rows.failAfterWrites -= 1;
          return { accepted: lines.length, rejected: [] };
        },
        signal,
        lines.some(({ measurement }) => rollupOf(measurement) === undefined) ? rows.slow : 0,
      ),
    query: () => Promise.resolve([]),
    summarize: (query, signal) => later(() => summarized(spanned(query), query), signal),
    async *scan(span, signal) {
      const wanted = span.fields === undefined ? undefined : new Set(span.fields);
      const found = await later(() => spanned(span), signal);
      const narrow = found.map((line) => ({
        ...line,
        fields: Object.fromEntries(
          Object.entries(line.fields).filter(([field]) => wanted?.has(field) ?? true),
        ),
      }));
      yield narrow.filter(({ fields }) => Object.keys(fields).length > 0);
    },
    measurements: () => Promise.resolve([...rows.byMeasurement.keys()]),
    fields: (measurement, signal) =>
      later(() => {
        const names = rows.of(measurement).flatMap(({ fields }) => Object.keys(fields));
        return [...new Set(names)].toSorted();
      }, signal),
    size: () => Promise.resolve({ bytes: undefined, series: undefined }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function summarized(lines: readonly Line[], query: SummaryQuery): SummarySeries[] {
  const { every, fields, worstQuality = 9 } = query;
  const good = lines.filter((line) => Number(line.fields["q"] ?? 0) <= worstQuality);
  const bySeries = Map.groupBy(good, ({ tags }) => seriesOf(tags));
  return [...bySeries.values()].map((own) => {
    const windows = Map.groupBy(own, ({ time }) => Math.floor(time / every) * every);
    const rows = [...windows].map(([time, inside]) => {
      const entries = fields.flatMap((field) => {
        const values = inside.flatMap((line) => {
          const value = line.fields[field];
          return typeof value === "number" ? [value] : [];
        });
        const [first, last] = [values[0], values.at(-1)];
        if (first === undefined || last === undefined) return [];
        const sum = values.reduce((a, b) => a + b, 0);
        const [min, max] = [Math.min(...values), Math.max(...values)];
        const rises = values.map((value, i) => Math.max(0, value - (values[i - 1] ?? value)));
        const rise = rises.reduce((a, b) => a + b, 0);
        return [[field, { count: values.length, sum, min, max, first, last, rise }] as const];
      });
      return { time, fields: Object.fromEntries(entries) };
    });
    return { tags: own[0]?.tags ?? {}, rows };
  });
}
