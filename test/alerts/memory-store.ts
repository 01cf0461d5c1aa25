/** A store in memory with just what stored rules ask for; it can be down, or never answer. */
import { TestRows } from "../../alerts/replay/rows.ts";
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
      const rows = new TestRows();
      for (const line of this.lines) rows.add(line);
      return await rows.query(query);
    } finally {
      this.open -= 1;
    }
  }
}

function down(): GatewayError {
  return new GatewayError("E_STORE_DOWN", "the test took the store down");
}
