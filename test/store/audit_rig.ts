/**
 * A store in memory with just what an audit asks for, and agents that fill it: batches of several
 * measurements, numbers that a crash left out, reports on themselves as `agent_health`.
 */
import type { AuditResult, Query, QuerySeries, Span, SpoolCut, Store } from "../../store/index.ts";
import { agentsIn, resultOf, spanOf, Tally, tally } from "../../store/index.ts";
import type { Line, Point } from "../../telemetry/index.ts";
import { linesOf, RangeSet, streamNumber } from "../../telemetry/index.ts";

const signal = new AbortController().signal;
/** Small, so that a few hundred rows are many pieces. */
const pieceLines = 7;
const start = 1_764_000_000_000;

export class AuditStore implements Pick<Store, "query" | "scan" | "measurements"> {
  lines: Line[] = [];
  /** Most lines handed over and not yet taken back, in pieces. */
  pieces = 0;

  query({ fields, groupBy = [], from, to, measurement }: Query): Promise<QuerySeries[]> {
    const [field = ""] = fields;
    const rows = this.#rows({ measurement, fields, from, to });
    const groups = Map.groupBy(rows, ({ tags }) => JSON.stringify(groupBy.map((t) => tags[t])));
    const series = [...groups.values()].flatMap((group) => {
      const last = group.at(-1);
      if (last === undefined) return [];
      const tags = Object.fromEntries(groupBy.map((tag) => [tag, last.tags[tag] ?? ""]));
      const values = { [field]: last.fields[field] ?? 0 };
      return [{ tags, rows: [{ time: last.time, values, counts: { [field]: group.length } }] }];
    });
    return Promise.resolve(series);
  }

  async *scan(span: Span): AsyncGenerator<readonly Line[]> {
    const rows = this.#rows(span);
    for (let at = 0; at < rows.length; at += pieceLines) {
      this.pieces += 1;
      yield rows.slice(at, at + pieceLines);
    }
  }

  measurements(): Promise<string[]> {
    return Promise.resolve([...new Set(this.lines.map(({ measurement }) => measurement))]);
  }

  #rows({ measurement, fields, from, to, where = {} }: Span): Line[] {
    return this.lines
      .filter((line) => line.measurement === measurement && line.time >= from && line.time < to)
      .filter(({ tags }) => Object.entries(where).every(([tag, value]) => tags[tag] === value))
      .filter((line) => fields?.some((field) => field in line.fields) ?? true)
      .toSorted((a, b) => a.time - b.time);
  }
}

const measurements = ["rack_power", "ups", "cooling"] as const;

/** An agent as the store sees it. */
export class AuditedWorld {
  readonly store = new AuditStore();
  readonly stream: string;
  readonly agent: string;
  readonly shed = { full: 0, disk: 0, damaged: 0, large: 0 };
  /** Numbers of batches that carry readings and were stored. */
  readonly stored: number[] = [];
  #time = start;
  #next = 1;
  #offered = 0;

  constructor(agent = "edge", id = "00000000deadbeef", store = new AuditStore()) {
    this.agent = agent;
    this.stream = `${agent}.${id}`;
    this.store = store;
  }

  get next(): number {
    return this.#next;
  }

  get offered(): number {
    return this.#offered;
  }

  get time(): number {
    return this.#time;
  }

  /** Offers a batch of a device; `kept` stores it. Returns its number. */
  offer(device: number, kept = true): number {
    const seq = this.#next;
    const measurement = measurements[device % measurements.length] ?? "ups";
    const points = ["1", "2"].map((part): Point => {
      return { measurement, fields: { q: 0 }, tags: { part } };
    });
    const lines = this.#lines(`${this.agent}-d${device}`, points);
    if (kept) {
      this.store.lines.push(...lines);
      this.stored.push(seq);
    }
    return seq;
  }

  /** The agent reports on itself; `waiting` of the batches before are not settled. */
  report(base = this.#next, queued = 0): number {
    const seq = this.#next;
    const fields = {
      offered_total: this.#offered,
      queued_count: queued,
      base_count: base,
      stream_born_ms: start,
      ...Object.fromEntries(
        Object.entries(this.shed).map(([reason, count]) => [`shed_${reason}_total`, count]),
      ),
    };
    this.store.lines.push(...this.#lines(this.agent, [{ measurement: "agent_health", fields }]));
    return seq;
  }

  /** Numbers that were reserved when the agent was killed are never used. */
  crash(): void {
    this.#next += 4096;
  }

  /** Takes the rows of a batch out of the store. */
  lose(seq: number): void {
    const number = streamNumber(this.stream);
    const first = this.store.lines.find(
      ({ fields }) => fields["seq"] === seq && fields["stream"] === number,
    );
    this.store.lines = this.store.lines.filter(
      ({ time, tags }) => time !== first?.time || tags["device"] !== first.tags["device"],
    );
  }

  /** The batch rests there once more, dated otherwise. */
  double(seq: number, later: number): void {
    const number = streamNumber(this.stream);
    const first = this.store.lines.find(
      ({ fields }) => fields["seq"] === seq && fields["stream"] === number,
    );
    if (first !== undefined) this.store.lines.push({ ...first, time: first.time + later });
  }

  async audit(
    given: { since?: number; spool?: SpoolCut; refused?: RangeSet } = {},
  ): Promise<AuditResult | undefined> {
    const { since, spool, refused = new RangeSet() } = given;
    const store = asStore(this.store);
    const agents = await agentsIn(store, { from: 0, to: Number.MAX_SAFE_INTEGER }, signal);
    const agent = agents.find(({ tags }) => tags["device"] === this.agent);
    if (agent === undefined) return undefined;
    const span = await spanOf(store, agent, { since, spool, signal });
    if (span === undefined) return undefined;
    const tallies = await tally(store, [span], { signal, progress: () => undefined });
    return resultOf(span, tallies.get(agent.stream) ?? new Tally(), refused);
  }

  #lines(device: string, points: readonly Point[]): Line[] {
    const seq = this.#next;
    this.#next += 1;
    this.#offered += 1;
    this.#time += 100;
    return linesOf({
      kind: "telemetry",
      address: { region: "local", org: "main", site: "s", class: "power", device },
      place: {},
      time: this.#time,
      points,
      faults: [],
      stream: this.stream,
      seq,
    });
  }
}

function asStore(store: AuditStore): Store {
  const never = (): never => {
    throw new Error("an audit asks for no such thing");
  };
  return {
    title: "memory",
    write: never,
    summarize: never,
    fields: never,
    size: never,
    query: (query) => store.query(query),
    scan: (span) => store.scan(span),
    measurements: () => store.measurements(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
