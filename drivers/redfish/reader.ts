/**
 * Reads one service: walks its tree when that is due, then resource by resource what the walk
 * found, or from metric reports where these say the same. One request at a time; a service that is
 * silent twice in a row is asked no more in that reading.
 */
import type { Clock, Fault } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { RedfishClient } from "./client.ts";
import type { Json } from "./json.ts";
import { linkOf, list, plainPath, record, rootPath } from "./json.ts";
import type { RedfishOptions } from "./options.ts";
import type { Metrics } from "./reports.ts";
import { Freshness, maxReports, metricFor, metricsOf, renewed, worthwhile } from "./reports.ts";
import type { Row, Value } from "./row.ts";
import { merged } from "./row.ts";
import { isMissing, isOfPart, silent } from "./status.ts";
import type { Planned, Tree } from "./tree.ts";
import { walkTree } from "./walk.ts";

/** What changes seldom, and states beside a report's readings, are this old at most. @unit ms */
const slowest = 300_000;

/** Answers that may fail to come, one after another, before the rest is given up. */
const mostSilent = 2;

/** What a resource gave, and when. */
interface Known {
  readonly rows: readonly Row[];
  /** @unit ms, monotonic */
  readonly since: number;
}

export interface Gathered {
  readonly rows: readonly Row[];
  readonly faults: readonly Fault[];
}

interface Gathering {
  readonly rows: Row[];
  readonly faults: Fault[];
  /** What went wrong first. */
  first: GatewayError | undefined;
}

export class Reader {
  readonly #client: RedfishClient;
  readonly #options: Pick<RedfishOptions, "rescan" | "reports">;
  readonly #clock: Clock;
  #tree: Tree | undefined;
  /** When to walk again. @unit ms, monotonic */
  #walkAt = 0;
  /** By path; bounded by the walk. */
  #known = new Map<string, Known>();
  /** Sensors whose readings stand in other resources too. */
  #covered = new Set<string>();
  #reports: readonly string[] | undefined;
  readonly #freshness: Freshness;
  #rows: readonly Row[] = [];

  constructor(
    client: RedfishClient,
    options: Pick<RedfishOptions, "rescan" | "reports">,
    clock: Clock,
  ) {
    this.#client = client;
    this.#options = options;
    this.#clock = clock;
    this.#freshness = new Freshness(clock);
  }

  /** @throws what no part is to blame for, or the first fault when nothing could be read */
  async read(signal: AbortSignal): Promise<Gathered> {
    const round = new Round(this.#client, signal);
    const tree = await this.#treeOf(round);
    const metrics = await this.#metrics(round);
    const gathered = await this.#gather(tree, round, metrics);
    const faults = [...tree.faults, ...gathered.faults];
    if (gathered.rows.length === 0) throw gathered.first ?? this.#empty(faults);
    this.#rows = merged(gathered.rows);
    await this.#chooseReports(round);
    return { rows: this.#rows, faults };
  }

  async #gather({ planned: all }: Tree, round: Round, metrics: Metrics): Promise<Gathering> {
    const gathering: Gathering = { rows: [], faults: [], first: undefined };
    for (const [index, planned] of all.entries()) {
      if (this.#isCovered(planned)) continue;
      try {
        gathering.rows.push(...(await this.#rowsOf(planned, round, metrics)));
      } catch (error) {
        if (round.aborted || !(error instanceof GatewayError)) throw error;
        gathering.first ??= error;
        if (isMissing(error)) this.#walkAt = 0;
        const goesOn = isOfPart(error);
        if (!goesOn && gathering.rows.length === 0) throw error;
        const at = goesOn ? planned.path : `${planned.path}, and ${all.length - index - 1} more`;
        if (!round.isKnownFailure(error)) gathering.faults.push({ code: error.code, at });
        if (!goesOn) break;
      }
    }
    return gathering;
  }

  /** Rows of what a report that was sent to us says. */
  rowsOfReport(report: Json): Row[] {
    const metrics = metricsOf(report);
    return this.#rows.flatMap((row) => {
      const values: Record<string, Value> = {};
      for (const [field, value] of Object.entries(row.values)) {
        const raw = value.state ? undefined : metricFor(value, metrics);
        const number = raw === undefined ? undefined : value.read(raw);
        if (number !== undefined) values[field] = { ...value, value: number, raw: String(raw) };
      }
      return Object.keys(values).length === 0 ? [] : [{ ...row, values }];
    });
  }

  async #treeOf(round: Round): Promise<Tree> {
    const now = this.#clock.monotonic();
    if (this.#tree !== undefined && now < this.#walkAt) return this.#tree;
    const tree = await this.#walk(round);
    const pause = tree.faults.length > 0 ? Math.min(slowest, this.#options.rescan) : undefined;
    this.#walkAt = now + (pause ?? this.#options.rescan);
    if (tree.planned === this.#tree?.planned) return tree;
    this.#tree = tree;
    this.#known = new Map();
    this.#covered = new Set();
    this.#reports = undefined;
    return tree;
  }

  /** Where a walk fails that is not the first, what is known is read on. */
  async #walk(round: Round): Promise<Tree> {
    try {
      return await walkTree(
        (path) => round.get(path),
        (root) => this.#client.learn(root),
      );
    } catch (error) {
      const known = this.#tree;
      if (known === undefined || round.aborted || !(error instanceof GatewayError)) throw error;
      return { ...known, faults: [{ code: error.code, at: rootPath }] };
    }
  }

  async #rowsOf(planned: Planned, round: Round, metrics: Metrics): Promise<readonly Row[]> {
    const { path, via, slow } = planned;
    const now = this.#clock.monotonic();
    const known = this.#known.get(path);
    if (known !== undefined && now - known.since < slowest) {
      if (slow === true) return known.rows;
      const fresh = metrics.size === 0 ? undefined : renewed(known.rows, metrics);
      if (fresh !== undefined) return fresh;
    }
    const whole = via !== undefined && this.#isWorth(via);
    const body = whole ? await round.memberOf(via, path) : await round.get(path);
    const rows = planned.rows({ path, body });
    this.#known.set(path, { rows, since: now });
    if (planned.sensor !== true) this.#cover(rows);
    return rows;
  }

  #isCovered({ path, sensor }: Planned): boolean {
    return sensor === true && this.#covered.has(plainPath(path));
  }

  /** A whole collection is asked for only when more than one of its members is wanted. */
  #isWorth(via: string): boolean {
    const now = this.#clock.monotonic();
    const wanted = this.#tree?.planned.filter((one) => {
      const known = one.slow === true ? this.#known.get(one.path) : undefined;
      const rests = known !== undefined && now - known.since < slowest && known.since < now;
      return one.via === via && !rests && !this.#isCovered(one);
    });
    return (wanted?.length ?? 0) > 1;
  }

  /** What the server breathes is told as a place of its own, too. */
  #cover(rows: readonly Row[]): void {
    for (const { values } of rows) {
      for (const [field, { source }] of Object.entries(values)) {
        const air = field === "inlet_c" || field === "exhaust_c";
        if (source !== undefined && !air) this.#covered.add(plainPath(source));
      }
    }
  }

  async #metrics(round: Round): Promise<Metrics> {
    const all = new Map<string, unknown>();
    for (const path of this.#reports ?? []) {
      const report = await round.attempt(path);
      if (report === undefined || !this.#freshness.isFresh(path, report)) continue;
      for (const [at, value] of metricsOf(report)) all.set(at, value);
    }
    return all;
  }

  /** Once after each walk, when it is known what each resource gives. */
  async #chooseReports(round: Round): Promise<void> {
    const collection = this.#tree?.reports;
    if (this.#reports !== undefined || !this.#options.reports || collection === undefined) return;
    this.#reports = [];
    const listed = await round.attempt(collection);
    const found: { path: string; metrics: Metrics }[] = [];
    for (const one of list(listed?.["Members"], maxReports)) {
      const path = linkOf(one);
      const report = path === undefined ? undefined : await round.attempt(path);
      if (path === undefined || report === undefined) continue;
      if (this.#freshness.isFresh(path, report)) found.push({ path, metrics: metricsOf(report) });
    }
    const slow = new Set(this.#tree?.planned.filter((one) => one.slow === true).map((p) => p.path));
    const resources = [...this.#known].filter(([path]) => !slow.has(path));
    this.#reports = worthwhile(
      found,
      resources.map(([, { rows }]) => rows),
    );
  }

  #empty([fault]: readonly Fault[]): GatewayError {
    const { name } = this.#client;
    if (fault !== undefined) {
      return new GatewayError(fault.code, `${name}: ${fault.at}: nothing else could be read`);
    }
    return new GatewayError("E_DEVICE_REFUSED", `${name}: no resource with readings was found`);
  }
}

/** The requests of one reading. */
class Round {
  readonly #client: RedfishClient;
  readonly #signal: AbortSignal;
  #silent = 0;
  /** Collections that came whole, and those that did not; bounded by the plan. */
  readonly #pages = new Map<string, ReadonlyMap<string, Json> | GatewayError>();
  readonly #failures = new Set<unknown>();

  constructor(client: RedfishClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  get aborted(): boolean {
    return this.#signal.aborted;
  }

  async get(path: string): Promise<Json> {
    try {
      const body = await this.#client.get(path, this.#signal);
      this.#silent = 0;
      return body;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== "E_DEVICE_TIMEOUT") throw error;
      this.#silent += 1;
      if (this.#silent < mostSilent) throw error;
      throw new GatewayError(error.code, error.message, { cause: silent });
    }
  }

  /** A resource that can be done without. */
  async attempt(path: string): Promise<Json | undefined> {
    return this.get(path).catch((error: unknown) => {
      if (isOfPart(error)) return undefined;
      throw error;
    });
  }

  /** A member out of a collection that brings its members whole; the collection is asked once. */
  async memberOf(via: string, path: string): Promise<Json> {
    let page = this.#pages.get(via);
    if (page === undefined) {
      page = await this.#page(via);
      this.#pages.set(via, page);
    }
    if (page instanceof GatewayError) throw page;
    const body = page.get(plainPath(path));
    if (body !== undefined) return body;
    // It has gone from the collection; asking says so.
    return this.get(path);
  }

  /** Whether the same failure was told of already: of a collection, by another member. */
  isKnownFailure(error: GatewayError): boolean {
    if (this.#failures.has(error)) return true;
    this.#failures.add(error);
    return false;
  }

  async #page(via: string): Promise<ReadonlyMap<string, Json> | GatewayError> {
    try {
      const body = await this.get(via);
      const members = list(body["Members"], 1000).map(
        (one) => [plainPath(linkOf(one) ?? ""), record(one)] as const,
      );
      return new Map(members);
    } catch (error) {
      if (isOfPart(error)) return error;
      throw error;
    }
  }
}
