/** One service as the agent sees it: one group, and a listener where events are wanted. */
import type { Clock, Point, Reading } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Group, Heard, Memory, Origin, Session, Source, Trace } from "../contract.ts";
import { RedfishClient } from "./client.ts";
import { Counters } from "./counters.ts";
import type { EventFeed } from "./feed.ts";
import type { Json } from "./json.ts";
import type { RedfishOptions } from "./options.ts";
import { Reader } from "./reader.ts";
import type { Row, Value } from "./row.ts";
import { pointOf, seriesOf } from "./row.ts";

/** Sources remembered of one service. */
const maxSources = 4000;

export interface SessionParts {
  readonly options: RedfishOptions;
  readonly clock: Clock;
  readonly memory: Memory | undefined;
  /** Told once it has logged out. */
  readonly closed: (session: RedfishSession) => void;
}

export class RedfishSession implements Session {
  readonly groups: readonly Group[] = [{ name: "all", every: undefined }];
  readonly #options: RedfishOptions;
  readonly #clock: Clock;
  readonly #client: RedfishClient;
  readonly #reader: Reader;
  readonly #counters: Counters;
  readonly #sources = new Map<string, Source>();
  readonly #closed: SessionParts["closed"];
  readonly #ending = new AbortController();
  #listening: Promise<void> = Promise.resolve();

  constructor({ options, clock, memory, closed }: SessionParts) {
    this.#closed = closed;
    this.#options = options;
    this.#clock = clock;
    this.#client = new RedfishClient(options, clock);
    this.#reader = new Reader(this.#client, options, clock);
    this.#counters = new Counters(memory);
  }

  async read(
    _groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    if (signal.aborted || this.#ending.signal.aborted) {
      throw new GatewayError("E_DISCONNECTED", `${this.#client.name}: the reading was cancelled`);
    }
    const either = AbortSignal.any([signal, this.#ending.signal]);
    const { rows, faults } = await this.#reader.read(either);
    return { points: this.#pointsOf(rows, trace), faults };
  }

  origin(): Origin {
    return { endpoint: { url: this.#options.url }, sources: [...this.#sources.values()] };
  }

  /** Ends a subscription first, then the login. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#listening;
    await this.#client[Symbol.asyncDispose]();
    this.#closed(this);
  }

  #pointsOf(rows: readonly Row[], trace?: (trace: Trace) => void): Point[] {
    const time = this.#clock.now();
    const points = rows.map((row) =>
      pointOf(this.#unwrapped(row, time), (one) => {
        this.#note(one);
        trace?.(one);
      }),
    );
    this.#counters.keep();
    return points;
  }

  #unwrapped(row: Row, time: number): Row {
    const values: Record<string, Value> = {};
    for (const [field, value] of Object.entries(row.values)) {
      const key = `${seriesOf(row)} ${field}`;
      values[field] = field.endsWith("_total")
        ? { ...value, value: this.#counters.next(key, value.value, time) }
        : value;
    }
    return { ...row, values };
  }

  #note({ measurement, channel, field, at }: Trace): void {
    const key = `${measurement} ${channel} ${field}`;
    if (!this.#sources.has(key) && this.#sources.size >= maxSources) return;
    this.#sources.set(key, { measurement, channel, field, at });
  }

  /** Hears what a feed brings until `signal` aborts or the session ends. */
  protected listenTo(
    feed: EventFeed,
    heard: (heard: Heard) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const either = AbortSignal.any([signal, this.#ending.signal]);
    if (this.#ending.signal.aborted) {
      const why = `${this.#client.name}: the session was closed`;
      return Promise.reject(new GatewayError("E_DISCONNECTED", why));
    }
    const listening = feed.listen(
      this.#client,
      {
        heard: (one) => {
          for (const trace of one.traces ?? []) this.#note(trace);
          heard(one);
        },
        report: (report) => this.#reported(report, heard),
      },
      either,
    );
    this.#listening = listening.catch(() => undefined);
    return listening;
  }

  #reported(report: Json, heard: (heard: Heard) => void): void {
    const rows = this.#reader.rowsOfReport(report);
    if (rows.length === 0) return;
    const traces: Trace[] = [];
    const points = this.#pointsOf(rows, (one) => void traces.push(one));
    heard({ reading: { points, faults: [] }, traces });
  }
}

/** The same where events are wanted. */
export class ListeningSession extends RedfishSession {
  readonly #feed: EventFeed;

  constructor(parts: SessionParts, feed: EventFeed) {
    super(parts);
    this.#feed = feed;
  }

  listen(heard: (heard: Heard) => void, signal: AbortSignal): Promise<void> {
    return this.listenTo(this.#feed, heard, signal);
  }
}
