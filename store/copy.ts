/**
 * Copies rows from one store to another: measurement by measurement, in order of time, a few
 * thousand lines at a time, reading ahead by one piece. How far it came is made durable once a
 * second, so that a copy that was cut goes on there; what lies between is written again, to the
 * same rows. Refused lines are handed over and counted.
 */
import type { Line, Platform } from "../telemetry/index.ts";
import { GatewayError, retryDelay, sleep } from "../telemetry/index.ts";
import type { Rejected, Store } from "./contract.ts";

/** Lines of one write, at least; a moment is never split. */
const pieceLines = 4000;
/** A target that is down is asked so often before the copy is given up. */
const attempts = 8;
const retryPolicy = { first: 200, longest: 10_000 };
/** @unit ms */
const saveEvery = 1000;

/** How far a copy came. */
export interface CopyState {
  /** Included. @unit ms since 1970-01-01 UTC */
  readonly since: number;
  /** Not included. @unit ms since 1970-01-01 UTC */
  readonly until: number;
  /** Measurements that are copied whole. */
  readonly done: readonly string[];
  /** The one that is being copied, and where the rest of it begins. */
  readonly measurement?: string | undefined;
  readonly from?: number | undefined;
  readonly rows: number;
  readonly refused: number;
}

/** What a person watches. */
export interface CopyProgress {
  readonly measurement: string;
  /** Of this run. */
  readonly rowsPerSecond: number;
  /** By the share of time up to `until`: data that ends before ends sooner. @unit ms */
  readonly left: number | undefined;
  readonly rows: number;
  readonly refused: number;
}

export interface CopySetup {
  readonly from: Store;
  readonly to: Store;
  /** Absent: all that the source holds. */
  readonly measurements: readonly string[] | undefined;
  /** Makes a state durable. */
  readonly save: (state: CopyState) => Promise<void>;
  /** Takes lines that the target will never have; they are durable when it returns. */
  readonly refuse: (
    lines: readonly { readonly line: Line; readonly reason: string }[],
  ) => Promise<void>;
  readonly progress: (progress: CopyProgress) => void;
}

/**
 * Copies from a state on; returns the last one.
 * @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY: the state that was saved last goes on
 */
export async function copyStore(
  setup: CopySetup,
  { state, platform }: { readonly state: CopyState; readonly platform: Platform },
  signal: AbortSignal,
): Promise<CopyState> {
  const names = setup.measurements ?? (await setup.from.measurements(signal));
  const copy = new Copy(setup, { state, platform }, names.length);
  for (const name of names) {
    if (!copy.state.done.includes(name)) await copy.measurement(name, signal);
  }
  return copy.state;
}

class Copy {
  state: CopyState;
  readonly #setup: CopySetup;
  readonly #platform: Platform;
  readonly #measurements: number;
  readonly #started: number;
  readonly #before: { readonly rows: number; readonly share: number };
  /** Time of the first row of the measurement at work. */
  #first: number | undefined;
  #savedAt = Number.NEGATIVE_INFINITY;

  constructor(
    setup: CopySetup,
    { state, platform }: { readonly state: CopyState; readonly platform: Platform },
    measurements: number,
  ) {
    this.state = state;
    this.#setup = setup;
    this.#platform = platform;
    this.#measurements = measurements;
    this.#started = platform.clock.monotonic();
    this.#before = { rows: state.rows, share: state.done.length / Math.max(1, measurements) };
  }

  async measurement(name: string, signal: AbortSignal): Promise<void> {
    const { since, until } = this.state;
    const from = this.state.measurement === name ? (this.state.from ?? since) : since;
    this.state = { ...this.state, measurement: name, from };
    this.#first = undefined;
    // One piece is written while the next is read.
    let writing: Promise<void> = Promise.resolve();
    let piece: Line[] = [];
    try {
      for await (const lines of this.#setup.from.scan(
        { measurement: name, from, to: until },
        signal,
      )) {
        piece.push(...lines);
        if (piece.length < pieceLines) continue;
        await writing;
        writing = this.#write(piece, signal);
        writing.catch(() => undefined);
        piece = [];
      }
      await writing;
      if (piece.length > 0) await this.#write(piece, signal);
    } finally {
      await writing.catch(() => undefined);
      await this.#save();
    }
    const done = [...this.state.done, name];
    this.state = { ...this.state, done, measurement: undefined, from: undefined };
    await this.#save();
  }

  async #write(lines: readonly Line[], signal: AbortSignal): Promise<void> {
    const rejected = await this.#untilTaken(lines, signal);
    const refused = rejected.flatMap(({ index, reason }) => {
      const line = lines[index];
      return line === undefined ? [] : [{ line, reason }];
    });
    if (refused.length > 0) await this.#setup.refuse(refused);
    this.#first ??= lines[0]?.time;
    this.state = {
      ...this.state,
      from: (lines.at(-1)?.time ?? 0) + 1,
      rows: this.state.rows + lines.length - refused.length,
      refused: this.state.refused + refused.length,
    };
    if (this.#platform.clock.monotonic() - this.#savedAt >= saveEvery) await this.#save();
    this.#setup.progress(this.#progress());
  }

  /** Tries again while the target is down, for a while. */
  async #untilTaken(lines: readonly Line[], signal: AbortSignal): Promise<readonly Rejected[]> {
    const { clock, entropy } = this.#platform;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return (await this.#setup.to.write(lines, signal)).rejected;
      } catch (error) {
        const down = error instanceof GatewayError && error.code === "E_STORE_DOWN";
        if (!down || signal.aborted || attempt === attempts) throw error;
        await sleep(
          clock,
          retryDelay(retryPolicy, attempt, entropy, error.retryAfterMs ?? 0),
          signal,
        );
      }
    }
  }

  async #save(): Promise<void> {
    this.#savedAt = this.#platform.clock.monotonic();
    await this.#setup.save(this.state);
  }

  #progress(): CopyProgress {
    const { measurement = "", rows, refused } = this.state;
    const elapsed = Math.max(1, this.#platform.clock.monotonic() - this.#started);
    const share = this.#share() - this.#before.share;
    const rest = 1 - this.#share();
    return {
      measurement,
      rowsPerSecond: ((rows - this.#before.rows) / elapsed) * 1000,
      left: share > 0 ? (elapsed / share) * rest : undefined,
      rows,
      refused,
    };
  }

  /** Measurements that are done, and the share of time of the one at work. */
  #share(): number {
    const { done, until, from = 0 } = this.state;
    const span = until - (this.#first ?? until);
    const within = span > 0 ? Math.min(1, (from - (this.#first ?? 0)) / span) : 0;
    return (done.length + within) / Math.max(1, this.#measurements);
  }
}
