/**
 * A store that is slow, down, lies (says no after it stored), stores a part before it fails, or
 * never takes single lines. Rows are keyed by identity, as every engine does; they survive the hub.
 */
import type { Line } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Store, WriteResult } from "../../store/index.ts";
import type { Chance } from "./chance.ts";
import type { SimProcess } from "./process.ts";

/** A mistake to be found: says yes and forgets a line; alters a value; stores a line twice. */
export type StoreFlaw = "yes" | "value" | "twice" | undefined;

export class Rows {
  readonly byIdentity = new Map<string, Line>();
  /** What was refused for ever. */
  readonly refused = new Map<string, Line>();
  down = false;
  /** One line in this many is refused, always the same ones; 0: none. */
  readonly refuseEvery: number;
  readonly #flaw: StoreFlaw;
  #lines = 0;

  constructor(refuseEvery: number, flaw: StoreFlaw) {
    this.refuseEvery = refuseEvery;
    this.#flaw = flaw;
  }

  /** Stores a line; false when it is one that is never taken. */
  put(line: Line): boolean {
    const identity = identityOf(line);
    const value = line.fields["active_power_w"];
    if (this.refuseEvery > 0 && typeof value === "number" && value % this.refuseEvery === 0) {
      this.refused.set(identity, line);
      return false;
    }
    this.#lines += 1;
    const wrong = this.#flaw !== undefined && this.#lines % 50 === 0;
    if (wrong && this.#flaw === "yes") return true;
    if (wrong && this.#flaw === "twice") {
      const again = { ...line, time: line.time + 1 };
      this.byIdentity.set(identityOf(again), again);
    }
    const kept =
      wrong && this.#flaw === "value" && value !== undefined
        ? { ...line, fields: { ...line.fields, active_power_w: -1 } }
        : line;
    this.byIdentity.set(identity, kept);
    return true;
  }
}

function identityOf({ measurement, tags, time }: Line): string {
  const sorted = Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([measurement, sorted, time]);
}

export function simStore(rows: Rows, process: SimProcess, chance: Chance): Store {
  const write = (lines: readonly Line[]): Promise<WriteResult> => {
    const delay = chance.chance(0.03) ? chance.whole(200, 4000) : chance.whole(1, 30);
    return process.call(delay, () => {
      if (rows.down) throw new GatewayError("E_STORE_DOWN", "down");
      const part = chance.chance(0.01) ? chance.whole(0, lines.length) : lines.length;
      const rejected = lines
        .slice(0, part)
        .flatMap((line, index) => (rows.put(line) ? [] : [{ index, reason: refusal }]));
      const lies = chance.chance(0.01);
      if (lies || part < lines.length) throw new GatewayError("E_STORE_DOWN", "failed midway");
      return { accepted: lines.length - rejected.length, rejected };
    });
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

/** Why a line is set aside that the store refuses. */
export const refusal = "refused by the voyage";
