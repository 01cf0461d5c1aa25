/**
 * Writes line protocol over HTTP, for every engine that takes it. Nothing is repeated here: what
 * the server cannot take now is thrown and the caller keeps it. Lines that the server names are
 * rejected by its word; where it names none, halves are sent until the refused ones stand alone.
 * Sending a stored line again is harmless, because measurement + tags + time identify it.
 *
 * Limits: 5,000 lines and 2 MiB a request; at most 2n - 1 requests to sift n lines.
 */
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
/** Above 5,000 lines of ten fields, which take some 8 ms to put into text. @unit characters */
const maxText = 2 * 1024 * 1024;
/** However little a server takes, a request is not planned smaller. @unit characters */
const minText = 16 * 1024;

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

/** Lines as texts, with their places in what the caller gave. */
interface Part {
  readonly path: string;
  readonly texts: readonly string[];
  readonly indexes: readonly number[];
}

interface Growing extends Part {
  readonly texts: string[];
  readonly indexes: number[];
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
  /** Halved for good when the server says 413. @unit characters */
  #maxText = maxText;

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
        const part: Growing = { path, texts: [], indexes: [] };
        at = this.#encode(work, at, part);
        await this.#send(part, { rejected: work.rejected, signal });
      }
    }
    return writeResult(work);
  }

  /** Fills a part with lines of its place from `from` on; returns the first that did not fit. */
  #encode(work: WriteProgress, from: number, part: Growing): number {
    const { paths } = this.#dialect;
    const before = this.#encoder.droppedFields;
    let size = 0;
    let index = from;
    for (; index < work.lines.length && size < this.#maxText; index += 1) {
      const line = work.lines[index];
      if (part.texts.length >= maxLines) break;
      if (line === undefined || placeOf(paths, line.measurement) !== part.path) continue;
      const text = this.#encoder.encode(line);
      if (text === undefined) {
        work.rejected.push({ index, reason: this.#encoder.problem });
        continue;
      }
      part.texts.push(text);
      part.indexes.push(index);
      size += text.length;
    }
    work.droppedFields += this.#encoder.droppedFields - before;
    return index;
  }

  async #send(part: Part, sending: Sending): Promise<void> {
    const count = part.texts.length;
    if (count === 0) return;
    const verdict = await this.#attempt(part, sending.signal);
    switch (verdict.kind) {
      case "stored":
        return;
      case "lines":
        return this.#sift(part, verdict, sending);
      case "large":
        if (count === 1) return reject(part, "the database finds the line too large", sending);
        this.#maxText = Math.max(minText, Math.min(this.#maxText, lengthOf(part) / 2));
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
    const count = part.texts.length;
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
    const middle = Math.ceil(part.texts.length / 2);
    await this.#send(slice(part, 0, middle), sending);
    await this.#send(slice(part, middle, part.texts.length), sending);
  }

  async #attempt(part: Part, signal: AbortSignal): Promise<WriteVerdict> {
    const verdict = await this.#post(part, signal);
    const { create } = this.#dialect;
    if (verdict.kind !== "missing" || create === undefined) return verdict;
    await create(signal);
    return this.#post(part, signal);
  }

  /** One request with its verdict; throws only when no answer came. */
  async #post({ path, texts }: Part, signal: AbortSignal): Promise<WriteVerdict> {
    const request = { method: "POST", path, headers, body: texts.join("\n") } as const;
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

function slice({ path, texts, indexes }: Part, from: number, to: number): Part {
  return { path, texts: texts.slice(from, to), indexes: indexes.slice(from, to) };
}

function without({ path, texts, indexes }: Part, refused: ReadonlyMap<number, unknown>): Part {
  return {
    path,
    texts: texts.filter((_, at) => !refused.has(at)),
    indexes: indexes.filter((_, at) => !refused.has(at)),
  };
}

function lengthOf(part: Part): number {
  return part.texts.reduce((length, text) => length + text.length + 1, 0);
}

function reject(part: Part, reason: string, { rejected }: Sending): void {
  for (const index of part.indexes) rejected.push({ index, reason });
}
