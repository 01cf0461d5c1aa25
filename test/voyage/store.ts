/**
 * A store that is slow, down, or lies (says no after it has said yes to itself). Rows are keyed
 * by identity, as every engine does; they survive the hub.
 */
import type { Line } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Store, WriteResult } from "../../store/index.ts";
import type { Chance } from "./chance.ts";
import type { SimProcess } from "./process.ts";

export class Rows {
  readonly byIdentity = new Map<string, Line>();
  down = false;
}

function identityOf({ measurement, tags, time }: Line): string {
  const sorted = Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([measurement, sorted, time]);
}

export function simStore(rows: Rows, process: SimProcess, chance: Chance): Store {
  const put = (lines: readonly Line[]): void => {
    for (const line of lines) rows.byIdentity.set(identityOf(line), line);
  };
  const write = (lines: readonly Line[]): Promise<WriteResult> => {
    const { promise, resolve, reject } = Promise.withResolvers<WriteResult>();
    const delay = chance.chance(0.03) ? chance.whole(200, 4000) : chance.whole(1, 30);
    process.clock.after(delay, () => {
      const lies = chance.chance(0.01);
      if (!rows.down) put(lines);
      if (rows.down || lies) reject(new GatewayError("E_STORE_DOWN", "down"));
      else resolve({ accepted: lines.length, rejected: [] });
    });
    return promise;
  };
  return {
    title: "voyage",
    write,
    query: () => Promise.resolve([]),
    summarize: () => Promise.resolve([]),
    async *scan() {},
    measurements: () => Promise.resolve([]),
    fields: () => Promise.resolve([]),
    size: () => Promise.resolve({ bytes: undefined, series: undefined }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
