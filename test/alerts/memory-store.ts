/** A store in memory with just what stored rules ask for; it can be down, or never answer. */
import type { Query, QuerySeries, Store, WriteResult } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";

export class MemoryStore implements Pick<Store, "query" | "write"> {
  readonly lines: Line[] = [];
  state: "up" | "down" | "silent" = "up";
  /** Questions that are open, and the most that ever were. */
  open = 0;
  mostOpen = 0;
  readonly askedAt: number[] = [];

  write(lines: readonly Line[]): Promise<WriteResult> {
    if (this.state !== "up") return Promise.reject(down());
    this.lines.push(...lines);
    return Promise.resolve({ accepted: lines.length, rejected: [] });
  }

  async query(query: Query, signal: AbortSignal): Promise<readonly QuerySeries[]> {
    this.askedAt.push(query.to);
    this.open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    try {
      if (this.state === "silent")
        await new Promise((done) => signal.addEventListener("abort", done));
      if (this.state !== "up") throw down();
      return this.#answer(query);
    } finally {
      this.open -= 1;
    }
  }

  #answer(query: Query): QuerySeries[] {
    const series = new Map<string, { tags: Record<string, string>; values: number[] }>();
    const [field = ""] = query.fields;
    for (const { measurement, tags, fields, time } of this.lines) {
      const value = fields[field];
      if (measurement !== query.measurement || typeof value !== "number") continue;
      if (time < query.from || time >= query.to) continue;
      if (Number(fields["q"] ?? 0) > (query.worstQuality ?? 4)) continue;
      if (Object.entries(query.where ?? {}).some(([name, wanted]) => tags[name] !== wanted))
        continue;
      const own = Object.fromEntries((query.groupBy ?? []).map((name) => [name, tags[name] ?? ""]));
      const key = JSON.stringify(own);
      const found = series.get(key) ?? { tags: own, values: [] };
      series.set(key, { ...found, values: [...found.values, value] });
    }
    return [...series.values()].map(({ tags, values }) => ({
      tags,
      rows: [
        {
          time: query.from,
          values: { [field]: summary(query, values) },
          counts: { [field]: values.length },
        },
      ],
    }));
  }
}

function summary({ aggregate }: Query, values: readonly number[]): number {
  if (aggregate === "max") return Math.max(...values);
  if (aggregate === "min") return Math.min(...values);
  if (aggregate === "count") return values.length;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function down(): GatewayError {
  return new GatewayError("E_STORE_DOWN", "the test took the store down");
}
