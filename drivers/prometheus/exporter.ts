/**
 * One exporter and the devices that are read from its page: all that ask at about the same time
 * share one scrape, which holds the series that any of them wants.
 */
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { HttpClient } from "../transport/http.ts";
import type { Page } from "./page.ts";
import { readPage } from "./reader.ts";

/** A page may serve others for so long, as far as they have not had it yet. @unit ms */
const freshFor = 1000;

/** Plain text first: it is what most exporters are made for. */
const accept =
  "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1";

export interface Asked {
  /** With its query. */
  readonly path: string;
  /** @unit bytes */
  readonly limit: number;
}

interface Scrape {
  readonly page: Promise<Page>;
  readonly ending: AbortController;
  /** Names that it keeps. */
  readonly metrics: ReadonlySet<string>;
  /** Who has had it. */
  readonly takers: Set<object>;
  waiting: number;
  /** @unit ms, monotonic */
  doneAt: number | undefined;
}

export class Exporter implements AsyncDisposable {
  readonly #client: HttpClient;
  readonly #clock: Clock;
  readonly #asked: Asked;
  /** What each device wants; bounded by the devices of the configuration. */
  readonly #wanted = new Map<object, ReadonlySet<string>>();
  #newest: Scrape | undefined;

  constructor(client: HttpClient, asked: Asked, clock: Clock) {
    this.#client = client;
    this.#asked = asked;
    this.#clock = clock;
  }

  /** From now on every page has these series. */
  want(who: object, metrics: ReadonlySet<string>): void {
    this.#wanted.set(who, metrics);
  }

  leave(who: object): void {
    this.#wanted.delete(who);
    if (this.#wanted.size === 0) this.#newest = undefined;
  }

  /**
   * A page that `who` has not had yet: one that is on its way, a fresh one, or a new one.
   * @throws E_LOGIN, E_DEVICE_REFUSED, E_DEVICE_FRAME and what `HttpClient.ask` throws
   */
  async page(who: object, signal: AbortSignal): Promise<Page> {
    const scrape = this.#shared(who) ?? this.#scrape();
    this.#newest = scrape;
    scrape.takers.add(who);
    scrape.waiting += 1;
    try {
      return await orAborted(scrape.page, signal);
    } catch (error) {
      // What failed serves nobody else: each device tries again at its own time.
      if (this.#newest === scrape && !signal.aborted) this.#newest = undefined;
      throw error;
    } finally {
      scrape.waiting -= 1;
      if (scrape.waiting === 0 && scrape.doneAt === undefined) {
        scrape.ending.abort();
        if (this.#newest === scrape) this.#newest = undefined;
      }
      // Nobody is left who could have it: its memory is free before the next.
      const served = scrape.waiting === 0 && scrape.takers.size >= this.#wanted.size;
      if (served && this.#newest === scrape) this.#newest = undefined;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#newest?.ending.abort();
    this.#client[Symbol.dispose]();
    return Promise.resolve();
  }

  #shared(who: object): Scrape | undefined {
    const scrape = this.#newest;
    if (scrape === undefined || scrape.takers.has(who)) return undefined;
    const { doneAt, metrics } = scrape;
    if (doneAt !== undefined && this.#clock.monotonic() - doneAt > freshFor) return undefined;
    const wanted = [...(this.#wanted.get(who) ?? [])];
    return wanted.every((name) => metrics.has(name)) ? scrape : undefined;
  }

  #scrape(): Scrape {
    const ending = new AbortController();
    const metrics = new Set([...this.#wanted.values()].flatMap((all) => [...all]));
    const scrape: Scrape = {
      page: this.#ask(metrics, ending.signal).finally(() => {
        scrape.doneAt = this.#clock.monotonic();
      }),
      ending,
      metrics,
      takers: new Set(),
      waiting: 0,
      doneAt: undefined,
    };
    // Whoever waits sees the error; when all have gone nobody does.
    scrape.page.catch(() => undefined);
    return scrape;
  }

  async #ask(metrics: ReadonlySet<string>, signal: AbortSignal): Promise<Page> {
    const { path, limit } = this.#asked;
    const answer = await this.#client.ask({ path, limit, headers: { accept } }, signal);
    const { status, body, headers } = answer;
    const name = this.#client.name;
    if (status === 401 || status === 403) {
      throw new GatewayError("E_LOGIN", `${name}: HTTP ${status}: check user, password or token`);
    }
    if (status !== 200) {
      const [why = ""] = body.trim().slice(0, 200).split("\n");
      throw new GatewayError("E_DEVICE_REFUSED", `${name}: HTTP ${status} ${why}`.trimEnd());
    }
    const type = headers["content-type"] ?? "";
    if (/^\s*</.test(body) || type.includes("html")) {
      const why =
        "a web page, no metrics; give the url of the metrics, as http://HOST:9100/metrics";
      throw new GatewayError("E_DEVICE_FRAME", `${name}: ${why}`);
    }
    const open = type.includes("openmetrics");
    const page = await readPage(body, { wanted: metrics, seconds: open }, this.#clock);
    if (page.facts.samples === 0) {
      throw new GatewayError(
        "E_DEVICE_FRAME",
        `${name}: not one sample on ${body.length} characters`,
      );
    }
    if (open && !page.facts.ended) {
      throw new GatewayError("E_DEVICE_FRAME", `${name}: the page ends before its # EOF`);
    }
    return page;
  }
}

/** What a promise gives, unless the signal aborts before. @throws E_DISCONNECTED */
function orAborted<Thing>(promise: Promise<Thing>, signal: AbortSignal): Promise<Thing> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      reject(new GatewayError("E_DISCONNECTED", "the reading was cancelled"));
    };
    if (signal.aborted) return giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}
