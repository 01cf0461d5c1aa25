/**
 * Reads objects and columns of one agent: objects some at a time by GET, columns that stand in one
 * table together by GETBULK, no more at once than fits a datagram that no router cuts in pieces.
 */
import type { Code, Fault } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { askParts } from "../polled-parts.ts";
import { Cells, mostRows } from "./cells.ts";
import type { Answer, SnmpClient } from "./client.ts";
import type { Refusal, Varbind } from "./door.ts";
import { isMissing, statuses } from "./door.ts";
import { compareOids, encodedLength, parentOf } from "./oid.ts";
import { Share } from "./share.ts";

/** What a reading needs. */
export interface Wanted {
  /** Objects with their instances. */
  readonly objects: readonly string[];
  /** Columns of tables. */
  readonly columns: readonly string[];
}

export interface Collected {
  readonly cells: Cells;
  /** Objects that the agent says it does not have. */
  readonly absent: ReadonlySet<string>;
  readonly faults: readonly Fault[];
}

/** @unit bytes */
const datagram = 1400;
/** What a value may take, beside its name. @unit bytes */
const valueRoom = 44;
const mostObjects = 20;
/** Columns walked together, and values of one answer: some 25 bytes each. */
const mostColumns = 5;
const mostValues = 50;
const repetitions = { first: 10, most: 25 } as const;

type Part =
  | { readonly kind: "objects"; readonly oids: readonly string[] }
  | { readonly kind: "columns"; readonly oids: readonly string[] };

/** How much is asked for at once, and what decides it. */
interface Portion {
  readonly share: Share;
  readonly count: number;
}

/** A column on its way down. */
interface Walk {
  readonly column: string;
  cursor: string;
  rows: number;
  done: boolean;
}

export class Reader {
  readonly #client: SnmpClient;
  readonly #objects = new Share(mostObjects, mostObjects);
  readonly #repetitions = new Share(repetitions.first, repetitions.most);
  /** Rows found last, by the first column of a walk; bounded by the profile. */
  readonly #rowsLast = new Map<string, number>();

  constructor(client: SnmpClient) {
    this.#client = client;
  }

  /** @throws what `SnmpClient.get` throws, when nothing could be read; E_LOGIN always */
  async read({ objects, columns }: Wanted, signal: AbortSignal): Promise<Collected> {
    const reading = new Round(this.#client, signal);
    const parts: Part[] = [...this.#batches(objects), ...tables(columns)];
    const { faults } = await askParts(
      {
        parts,
        at: ({ kind, oids }) => {
          const [first = ""] = oids;
          return `${kind === "objects" ? "" : "column "}${first}${several(oids.length)}`;
        },
        ask: async ({ kind, oids }) => {
          if (kind === "objects") await this.#askObjects(oids, reading);
          else await this.#walk(oids.map(beginning), reading);
        },
      },
      signal,
    );
    const { cells, absent } = reading;
    return { cells, absent, faults: [...reading.faults, ...faults] };
  }

  #batches(objects: readonly string[]): Part[] {
    const batches: string[][] = [];
    let room = 0;
    for (const oid of objects) {
      const bytes = encodedLength(oid) + valueRoom;
      const batch = batches.at(-1);
      if (batch === undefined || batch.length >= this.#objects.size || room < bytes) {
        batches.push([oid]);
        room = datagram - bytes;
      } else {
        batch.push(oid);
        room -= bytes;
      }
    }
    return batches.map((oids) => ({ kind: "objects", oids }));
  }

  async #askObjects(oids: readonly string[], round: Round): Promise<void> {
    if (oids.length === 0) return;
    const answer = await this.#patiently({ share: this.#objects, count: oids.length }, round, () =>
      this.#client.get(oids, round.signal),
    );
    if (answer !== undefined && "values" in answer) {
      for (const [index, varbind] of answer.values.entries()) {
        if (varbind.oid === oids[index]) round.object(varbind);
      }
      return;
    }
    const refused = answer?.refused;
    if (refused?.status === statuses.noSuchName && oids.some((oid) => oid === refused.oid)) {
      round.absent.add(refused.oid ?? "");
      return this.#askObjects(
        oids.filter((oid) => oid !== refused.oid),
        round,
      );
    }
    const [only = ""] = oids;
    if (oids.length > 1) {
      const middle = Math.ceil(oids.length / 2);
      await this.#askObjects(oids.slice(0, middle), round);
      return this.#askObjects(oids.slice(middle), round);
    }
    if (refused?.status === statuses.noSuchName) round.absent.add(only);
    else round.fault("E_DEVICE_REFUSED", `${only}: ${refused?.message ?? "no answer"}`);
  }

  /** Walks columns side by side, so that a table's row stands in one answer. */
  async #walk(walks: Walk[], round: Round): Promise<void> {
    const [first = ""] = walks.map(({ column }) => column);
    for (;;) {
      const open = walks.filter(({ done }) => !done);
      if (open.length === 0) break;
      const cursors = open.map(({ cursor }) => cursor);
      const fitting = Math.floor(mostValues / open.length);
      const expected = (this.#rowsLast.get(first) ?? repetitions.most) + 1;
      const count = Math.max(1, Math.min(this.#repetitions.size, fitting, expected));
      const answer = await this.#patiently({ share: this.#repetitions, count }, round, () =>
        this.#following(cursors, count, round.signal),
      );
      if (answer === undefined) continue;
      if ("values" in answer) {
        for (const [index, walk] of open.entries()) advance(walk, answer.values[index], round);
        continue;
      }
      await this.#refused(open, answer.refused, { count, round });
    }
    this.#rowsLast.set(first, Math.max(...walks.map(({ rows }) => rows)));
  }

  async #refused(
    open: readonly Walk[],
    { status, oid, message }: Refusal,
    { count, round }: { readonly count: number; readonly round: Round },
  ): Promise<void> {
    if (status === statuses.tooBig && count > 1) return;
    // In v1 the end of everything. [RFC 1157 4.1.3]
    const ended = open.find(({ cursor }) => cursor === oid) ?? open[0];
    if (ended === undefined) return;
    if (open.length > 1 && status !== statuses.noSuchName) {
      for (const walk of open) {
        await this.#walk([walk], round);
        walk.done = true;
      }
      return;
    }
    if (open.length > 1 && oid === undefined) {
      for (const walk of open) await this.#walk([walk], round);
      return;
    }
    ended.done = true;
    if (status === statuses.noSuchName) return;
    round.fault("E_DEVICE_REFUSED", `column ${ended.column}: ${message}`);
  }

  async #following(cursors: readonly string[], count: number, signal: AbortSignal) {
    if (this.#client.reach.login.version !== "v1") {
      return this.#client.bulk(cursors, count, signal);
    }
    const answer = await this.#client.next(cursors, signal);
    return "values" in answer ? { values: answer.values.map((one) => [one]) } : answer;
  }

  /**
   * Asks, and learns how much the agent bears; undefined: it said nothing to so much, and may to
   * less. @throws what asking throws, when less would not help
   */
  async #patiently<Values>(
    { share, count }: Portion,
    round: Round,
    ask: () => Promise<Answer<Values>>,
  ): Promise<Answer<Values> | undefined> {
    try {
      const answer = await ask();
      const { refused } = answer;
      if (refused?.status === statuses.tooBig) share.worse("refused");
      else share.better();
      this.#mayRefuse(refused);
      round.heard = true;
      return answer;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== "E_DEVICE_TIMEOUT") throw error;
      share.worse(round.heard ? "refused" : "away");
      if (count <= 1 || !round.heard) throw error;
      return undefined;
    }
  }

  #mayRefuse(refused: Refusal | undefined): void {
    if (refused === undefined) return;
    const { status, message } = refused;
    if (status !== statuses.noAccess && status !== statuses.authorization) return;
    throw new GatewayError("E_LOGIN", `${this.#client.reach.name}: ${message}`);
  }
}

/** What one reading has found so far. */
class Round {
  readonly cells = new Cells();
  readonly absent = new Set<string>();
  readonly faults: Fault[] = [];
  readonly client: SnmpClient;
  readonly signal: AbortSignal;
  /** The agent has answered something. */
  heard = false;

  constructor(client: SnmpClient, signal: AbortSignal) {
    this.client = client;
    this.signal = signal;
  }

  object(varbind: Varbind): void {
    if (isMissing(varbind)) this.absent.add(varbind.oid);
    else this.cells.put(varbind);
  }

  fault(code: Code, at: string): void {
    this.faults.push({ code, at });
  }
}

function beginning(column: string): Walk {
  return { column, cursor: column, rows: 0, done: false };
}

/** Takes what an agent says follows a column's cursor. */
function advance(walk: Walk, found: readonly Varbind[] | undefined, round: Round): void {
  if (found === undefined || found.length === 0) walk.done = true;
  for (const varbind of found ?? []) {
    if (walk.done) return;
    if (isMissing(varbind) || !varbind.oid.startsWith(`${walk.column}.`)) {
      walk.done = true;
    } else if (compareOids(varbind.oid, walk.cursor) <= 0) {
      walk.done = true;
      round.fault("E_DEVICE_FRAME", `column ${walk.column}: its rows go round in circles`);
    } else if (walk.rows >= mostRows) {
      walk.done = true;
      round.fault("E_DEVICE_FRAME", `column ${walk.column}: more than ${mostRows} rows`);
    } else {
      walk.cursor = varbind.oid;
      walk.rows += 1;
      round.cells.putBelow(walk.column, varbind);
    }
  }
}

/** Columns that stand side by side, a few together. */
function tables(columns: readonly string[]): Part[] {
  const byEntry = Map.groupBy(columns, parentOf);
  return [...byEntry.values()].flatMap((oids) =>
    Array.from({ length: Math.ceil(oids.length / mostColumns) }, (_, index): Part => {
      return { kind: "columns", oids: oids.slice(index * mostColumns, (index + 1) * mostColumns) };
    }),
  );
}

function several(count: number): string {
  return count === 1 ? "" : ` ×${count}`;
}
