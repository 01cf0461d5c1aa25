/**
 * VictoriaMetrics answers 204 for rows that it drops: too old, too far ahead, or not understood.
 * It counts them on its page of metrics, so that a growing count is said in the log. The counts
 * are of the whole server; a restart sets them to zero.
 *
 *   vm_rows_ignored_total{reason="big_timestamp"} 3
 *   vm_rows_invalid_total{type="influx"} 0
 */
import type { Platform } from "../../telemetry/index.ts";
import { messageOf } from "../../telemetry/index.ts";
import { askingError } from "../http/asking.ts";
import type { HttpLink } from "../http/link.ts";

/** How often the page is read, at most. @unit ms */
const every = 60_000;

const counter = /^(vm_rows_(?:ignored|invalid)_total(?:\{[^}]*\})?) (\d+)$/gm;

/** The counters of dropped rows on a page of metrics. */
export function dropCounts(page: string): ReadonlyMap<string, number> {
  return new Map([...page.matchAll(counter)].map(([, name = "", count]) => [name, Number(count)]));
}

/** Says when rows are dropped. */
export class DropWatch {
  readonly #link: HttpLink;
  readonly #path: string;
  readonly #platform: Platform;
  #readAt = Number.NEGATIVE_INFINITY;
  #known: ReadonlyMap<string, number> | undefined;

  /** @param link to the server's root */
  constructor(link: HttpLink, path: string, platform: Platform) {
    this.#link = link;
    this.#path = path;
    this.#platform = platform;
  }

  /** Reads the page when it is time; never throws: a store that works is not failed by it. */
  async look(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#platform;
    if (clock.monotonic() - this.#readAt < every) return;
    this.#readAt = clock.monotonic();
    try {
      const page = await this.#link.ask({ method: "GET", path: this.#path }, signal);
      if (page.status !== 200) throw askingError(page, clock.now());
      const counts = dropCounts(page.body);
      for (const [counted, rows] of counts) {
        const more = rows - (this.#known?.get(counted) ?? 0);
        // The first page says what others brought about.
        if (this.#known !== undefined && more > 0)
          log.warn("store dropped rows", { counted, rows: more });
      }
      this.#known = counts;
    } catch (error) {
      log.warn("store metrics unread", { path: this.#path, why: messageOf(error) });
    }
  }

  [Symbol.dispose](): void {
    this.#link[Symbol.dispose]();
  }
}
