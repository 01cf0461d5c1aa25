/**
 * The hub's own rows of capacity: every few minutes a site is read, worked out and written, one
 * turn at a time. A turn that comes while one runs, and one in which the store does not answer, is
 * left out and counted: the next tells the newest. It runs a few milliseconds at a time, so that
 * batches need not wait for it, and rests a while after each answer, so that the store has time for
 * others. Rows bear the time up to which they tell, so that a turn done twice is written once.
 */
import type { Topology } from "../../config/index.ts";
import type { Query, QuerySeries, Store, WriteResult } from "../../store/index.ts";
import type {
  DeviceAddress,
  Line,
  Place,
  Platform,
  UnnumberedBatch,
} from "../../telemetry/index.ts";
import { GatewayError, linesOf, messageOf, sleep } from "../../telemetry/index.ts";
import type { Patience } from "../patience.ts";
import { within } from "../patience.ts";
import type { CapacityOptions } from "./options.ts";
import type { Row } from "./rows.ts";
import { day } from "./samples.ts";
import { rowSteps } from "./rows.ts";
import type { SiteAsk } from "./site.ts";
import { readDays, readSite } from "./site.ts";
import type { Steps } from "./steps.ts";
import { withPauses } from "./steps.ts";
import type { Days } from "./usage.ts";

export interface CapacityParts {
  readonly topology: Topology;
  readonly options: CapacityOptions;
  /** Who writes. */
  readonly hub: DeviceAddress;
  readonly store: Pick<Store, "query" | "measurements" | "write">;
  /** Sees what is written, as rules on live rows do. */
  readonly observe: (batch: UnnumberedBatch) => void;
}

export interface CapacityCounts {
  /** Rows written. */
  readonly rows: number;
  /** Turns left out. */
  readonly skipped: number;
}

/** How long rows may take from their devices to the store before they are counted. @unit ms */
const settle = 30_000;
/** Whole days change when rows come late: they are read anew after this time. @unit ms */
const daysAge = 3_600_000;
/** Share of the time in which a turn asks the store. */
const share = 0.25;
/** Longest wait for one answer. @unit ms */
const longestAnswer = 30_000;
/** Longest rest after one answer. @unit ms */
const longestRest = 1000;
/** Lines of one write, or a few more. */
const atOnce = 500;

export class CapacityWriter implements AsyncDisposable {
  readonly #parts: CapacityParts;
  readonly #platform: Platform;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #days: { readonly days: Days; readonly at: number; readonly of: number } | undefined;
  #rows = 0;
  #skipped = 0;
  #failing = false;

  constructor(parts: CapacityParts, platform: Platform) {
    this.#parts = parts;
    this.#platform = platform;
    this.#running = this.#run();
  }

  get counts(): CapacityCounts {
    return { rows: this.#rows, skipped: this.#skipped };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#platform;
    const { every } = this.#parts.options;
    const { signal } = this.#stop;
    const newest = (): number => Math.floor((clock.now() - settle) / every) * every;
    for (let due = newest(); !signal.aborted;) {
      await this.#turn(due);
      // Never more than one turn ahead: a clock that was set back must not make it wait for long.
      const next = Math.min(newest() + every, Math.max(due + every, newest()));
      this.#skipped += Math.max(0, (next - due) / every - 1);
      due = next;
      await sleep(clock, Math.max(0, due + settle - clock.now()), signal);
    }
  }

  /** Tells what is up to `to`. */
  async #turn(to: number): Promise<void> {
    const { log } = this.#platform;
    try {
      const rows = await this.#rowsOf(to);
      await this.#write(rows, to);
      if (this.#failing) log.info("capacity is written again");
      this.#failing = false;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.verdict === "fatal") throw error;
      if (this.#stop.signal.aborted) return;
      this.#skipped += 1;
      const fields = { code: error.code, why: messageOf(error) };
      if (!this.#failing) log.warn("capacity not written", fields);
      this.#failing = true;
    }
  }

  async #rowsOf(to: number): Promise<readonly Row[]> {
    const { topology, options, hub } = this.#parts;
    const { clock } = this.#platform;
    const { signal } = this.#stop;
    const { since, trend, coverage: least } = options;
    const { region, org, site } = hub;
    const pace = withPauses(clock, signal);
    const ask: SiteAsk = {
      to,
      since,
      trend: Math.max(since, trend),
      least,
      tags: { region, org, site },
      pace,
      signal,
    };
    const store = this.#resting();
    const days = await this.#daysOf(ask);
    const told = await readSite(topology, store, { ...ask, days });
    return await pace(rowSteps(topology, told));
  }

  async #daysOf(ask: SiteAsk): Promise<Days> {
    const { clock } = this.#platform;
    const of = Math.floor(ask.to / day);
    const known = this.#days;
    if (known?.of === of && clock.monotonic() - known.at < daysAge) return known.days;
    const days = await readDays(this.#parts.topology, this.#resting(), ask);
    this.#days = { days, at: clock.monotonic(), of };
    return days;
  }

  /** The store, with a rest after each answer. */
  #resting(): Pick<Store, "query" | "measurements"> {
    const { store } = this.#parts;
    const { clock } = this.#platform;
    const patience = this.#patience();
    return {
      measurements: () => within(patience, (signal) => store.measurements(signal)),
      query: async (query: Query): Promise<readonly QuerySeries[]> => {
        const began = clock.monotonic();
        const answer = await within(patience, (signal) => store.query(query, signal));
        const rest = (clock.monotonic() - began) * (1 / share - 1);
        await sleep(clock, Math.min(longestRest, rest), patience.stop);
        return answer;
      },
    };
  }

  #patience(): Patience {
    return { clock: this.#platform.clock, ms: longestAnswer, stop: this.#stop.signal };
  }

  async #write(rows: readonly Row[], time: number): Promise<void> {
    const { hub: address, observe } = this.#parts;
    const byPlace = Map.groupBy(rows, ({ place }) => JSON.stringify(place));
    const batches = [...byPlace.values()].map((all): UnnumberedBatch => {
      const place: Place = all[0]?.place ?? {};
      const points = all.map(({ point }) => point);
      return { kind: "telemetry", address, place, time, points, faults: [] };
    });
    const lines: Line[] = [];
    for (const batch of batches) {
      lines.push(...linesOf(batch));
      if (lines.length >= atOnce) await this.#put(lines.splice(0));
    }
    if (lines.length > 0) await this.#put(lines);
    // What was not written is judged by no rule, as on a hub that was down.
    const pace = withPauses(this.#platform.clock, this.#stop.signal);
    await pace(observed(batches, observe));
  }

  async #put(lines: readonly Line[]): Promise<void> {
    const { store } = this.#parts;
    const ask = (signal: AbortSignal): Promise<WriteResult> => store.write(lines, signal);
    const { accepted, rejected } = await within(this.#patience(), ask);
    this.#rows += accepted;
    for (const { reason } of rejected) {
      this.#platform.log.error("capacity row was rejected", { reason });
    }
  }
}

function* observed(
  batches: readonly UnnumberedBatch[],
  observe: CapacityParts["observe"],
): Steps<undefined> {
  for (const batch of batches) {
    observe(batch);
    yield;
  }
}
