/**
 * Writes line protocol over HTTP, for every engine that takes it. Nothing is repeated here: what
 * the server cannot take now is thrown and the caller keeps it. Lines that the server names are
 * rejected by its word; where it names none, halves are sent until the refused ones stand alone.
 * Sending a stored line again is harmless, because measurement + tags + time identify it.
 *
 * Limits: 5,000 lines and some 2 MiB a request; at most 2n - 1 requests to sift n lines.
 */
import { Buffer } from "node:buffer";
import type { Line } from "../../telemetry/index.ts";
import { assertNever, GatewayError } from "../../telemetry/index.ts";
import { writeResult } from "../admission.ts";
import type { WriteProgress } from "../admission.ts";
import type { Rejected, WriteResult } from "../contract.ts";
import { LineEncoder } from "../line-protocol.ts";
import type { Places } from "../tiers.ts";
import { allPlaces, placeOf } from "../tiers.ts";
import type { LinesVerdict, WriteVerdict } from "./answers.ts";
import { verdictOf } from "./answers.ts";
import type { HttpLink } from "./link.ts";

/** Lines a request; more gains nothing from 1,000 up. */
const maxLines = 5_000;
/** Above 5,000 lines of ten fields, which take some 8 ms to put into text. @unit bytes */
const maxBytes = 2 * 1024 * 1024;
/** However little a server takes, a request is not planned smaller. @unit bytes */
const minBytes = 16 * 1024;

const headers = { "content-type": "text/plain; charset=utf-8" };

/** How one kind of server takes lines. */
export interface Dialect {
  /** Path and query of a write under the base path; the precision it names is milliseconds. */
  readonly paths: Places<string>;
  /** What is missing, for a person: `database "rackstreet"`. */
  readonly holder: string;
  /** Makes what is missing; absent: a person must. */
  readonly create?: ((signal: AbortSignal) => Promise<void>) | undefined;
}

/** Lines on one page, with their places in what the caller gave. */
interface Part {
  readonly path: string;
  /** Each line with its LF. */
  readonly page: Buffer;
  /** Where each line ends on the page. */
  readonly ends: readonly number[];
  readonly indexes: readonly number[];
}

interface Sending {
  readonly rejected: Rejected[];
  readonly signal: AbortSignal;
}

/** The writer of one target. */
export class LineWriter {
  readonly #link: HttpLink;
  readonly #dialect: Dialect;
  readonly #encoder = new LineEncoder();
  /** Halved for good when the server says 413. @unit bytes */
  #maxBytes = maxBytes;

  constructor(link: HttpLink, dialect: Dialect) {
    this.#link = link;
    this.#dialect = dialect;
  }

  /**
   * Writes lines and returns once the server has them.
   * @throws E_STORE_DOWN, E_STORE_CONFIG
   */
  async write(lines: readonly Line[], signal: AbortSignal): Promise<WriteResult> {
    const work: WriteProgress = { lines, rejected: [], droppedFields: 0 };
    for (const path of allPlaces(this.#dialect.paths)) {
      for (let at = 0; at < lines.length;) {
        const { part, next } = this.#encode(work, at, path);
        at = next;
        await this.#send(part, { rejected: work.rejected, signal });
      }
    }
    return writeResult(work);
  }

  /** As many lines of a place as one request may hold, and the first that did not fit. */
  #encode(work: WriteProgress, from: number, path: string): { part: Part; next: number } {
    const { paths } = this.#dialect;
    const before = this.#encoder.droppedFields;
    const ends: number[] = [];
    const indexes: number[] = [];
    let next = from;
    for (; next < work.lines.length && this.#encoder.length < this.#maxBytes; next += 1) {
      const line = work.lines[next];
      if (ends.length >= maxLines) break;
      if (line === undefined || placeOf(paths, line.measurement) !== path) continue;
      if (this.#encoder.add(line)) {
        ends.push(this.#encoder.length);
        indexes.push(next);
      } else {
        work.rejected.push({ index: next, reason: this.#encoder.problem });
      }
    }
    work.droppedFields += this.#encoder.droppedFields - before;
    return { part: { path, page: this.#encoder.take(), ends, indexes }, next };
  }

  async #send(part: Part, sending: Sending): Promise<void> {
    const count = part.ends.length;
    if (count === 0) return;
    const verdict = await this.#attempt(part, sending.signal);
    switch (verdict.kind) {
      case "stored":
        return;
      case "lines":
        return this.#sift(part, verdict, sending);
      case "large":
        if (count === 1) return reject(part, "the database finds the line too large", sending);
        this.#maxBytes = Math.max(minBytes, Math.min(this.#maxBytes, part.page.length / 2));
        return this.#sendHalves(part, sending);
      case "missing":
        throw this.#missing(verdict.reason);
      case "failed":
        throw verdict.error;
      default:
        return assertNever(verdict);
    }
  }

  /** Some lines were refused: rejects those that are known, and sends what is not sure again. */
  async #sift(part: Part, verdict: LinesVerdict, sending: Sending): Promise<void> {
    const count = part.ends.length;
    const reasons = new Map(
      verdict.refused.filter(({ at }) => at < count).map(({ at, reason }) => [at, reason]),
    );
    if (reasons.size === 0 && (count === 1 || verdict.dropped === count)) {
      return reject(part, verdict.reason, sending);
    }
    for (const [at, reason] of reasons) {
      sending.rejected.push({ index: part.indexes[at] ?? 0, reason });
    }
    if (reasons.size > 0 && verdict.restStored) return;
    return this.#sendHalves(without(part, reasons), sending);
  }

  async #sendHalves(part: Part, sending: Sending): Promise<void> {
    const middle = Math.ceil(part.ends.length / 2);
    await this.#send(slice(part, 0, middle), sending);
    await this.#send(slice(part, middle, part.ends.length), sending);
  }

  async #attempt(part: Part, signal: AbortSignal): Promise<WriteVerdict> {
    const verdict = await this.#post(part, signal);
    const { create } = this.#dialect;
    if (verdict.kind !== "missing" || create === undefined) return verdict;
    await create(signal);
    return this.#post(part, signal);
  }

  /** One request with its verdict; throws only when no answer came. */
  async #post({ path, page }: Part, signal: AbortSignal): Promise<WriteVerdict> {
    // Without the last LF.
    const request = { method: "POST", path, headers, body: page.subarray(0, -1) } as const;
    const answer = await this.#link.write(request, signal);
    return verdictOf(answer, this.#link.target.clock.now());
  }

  #missing(reason: string): GatewayError {
    const { url } = this.#link.target;
    return new GatewayError(
      "E_STORE_CONFIG",
      `${url.host} has no ${this.#dialect.holder} (${reason}); run \`rackstreet store init\`, ` +
        "or set create: true",
    );
  }
}

function slice({ path, page, ends, indexes }: Part, from: number, to: number): Part {
  const begin = from === 0 ? 0 : (ends[from - 1] ?? 0);
  return {
    path,
    page: page.subarray(begin, ends[to - 1] ?? begin),
    ends: ends.slice(from, to).map((end) => end - begin),
    indexes: indexes.slice(from, to),
  };
}

function without(part: Part, refused: ReadonlyMap<number, unknown>): Part {
  const kept: Part[] = [];
  for (let at = 0; at < part.ends.length; at += 1) {
    if (!refused.has(at)) kept.push(slice(part, at, at + 1));
  }
  let length = 0;
  return {
    path: part.path,
    page: Buffer.concat(kept.map(({ page }) => page)),
    ends: kept.map(({ page }) => (length += page.length)),
    indexes: kept.flatMap(({ indexes }) => indexes),
  };
}

function reject(part: Part, reason: string, { rejected }: Sending): void {
  for (const index of part.indexes) rejected.push({ index, reason });
}
