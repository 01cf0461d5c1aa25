/**
 * Writes line protocol to InfluxDB 1 over node:http. Nothing is repeated here: what the server
 * cannot take now is thrown and the caller keeps it. When some lines of a request are refused,
 * halves are sent until the refused ones stand alone; sending a stored line again is harmless,
 * because measurement + tags + time identify it.
 *
 * Limits: 5,000 lines and 2 MiB a request; at most 2n - 1 requests to sift n lines.
 */
import { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Line } from "../../telemetry/index.ts";
import { assertNever, GatewayError, systemCode } from "../../telemetry/index.ts";
import type { Rejected, WriteResult } from "../contract.ts";
import { writeResult } from "../admission.ts";
import type { WriteProgress } from "../admission.ts";
import { LineEncoder } from "../line-protocol.ts";
import type { Answer, WriteVerdict } from "./answers.ts";
import { verdictOf } from "./answers.ts";
import { within } from "./deadline.ts";
import type { Target } from "./target.ts";
import { connectionError } from "./target.ts";

/** Lines a request; more gains nothing from 1,000 up. */
const maxLines = 5_000;
/** Above 5,000 lines of ten fields, which take some 8 ms to put into text. @unit characters */
const maxText = 2 * 1024 * 1024;
/** However little a server takes, a request is not planned smaller. @unit characters */
const minText = 16 * 1024;
/** How much of an answer is read. @unit bytes */
const maxAnswer = 64 * 1024;
/** Below this compressing costs more than it saves. @unit bytes */
const gzipFrom = 1024;
/** Connections held open; a second writer gains little, a fifth nothing. */
const maxSockets = 4;

/** Lines as texts, with their places in what the caller gave. */
interface Part {
  readonly texts: readonly string[];
  readonly indexes: readonly number[];
}

interface Growing extends Part {
  readonly texts: string[];
  readonly indexes: number[];
}

const compress = promisify(gzip);

/** The writer of one target. */
export class Writer implements Disposable {
  readonly #target: Target;
  readonly #createDatabase: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly #encoder = new LineEncoder();
  readonly #agent: http.Agent;
  readonly #options: http.RequestOptions;
  readonly #headers: Readonly<Record<string, string>>;
  /** Halved for good when the server says 413. @unit characters */
  #maxText = maxText;

  /** @param createDatabase called once when the database is missing; undefined: never create. */
  constructor(target: Target, createDatabase?: (signal: AbortSignal) => Promise<void>) {
    this.#target = target;
    this.#createDatabase = createDatabase;
    const pool = { keepAlive: true, maxSockets };
    this.#agent = target.url.protocol === "https:" ? new https.Agent(pool) : new http.Agent(pool);
    this.#options = requestOptions(target, this.#agent);
    this.#headers = headersOf(target);
  }

  /**
   * Writes lines and returns once the server has them.
   * @throws E_STORE_DOWN, E_STORE_CONFIG
   */
  async write(lines: readonly Line[], signal: AbortSignal): Promise<WriteResult> {
    const work: WriteProgress = { lines, rejected: [], droppedFields: 0 };
    for (let at = 0; at < lines.length;) {
      const part: Growing = { texts: [], indexes: [] };
      at = this.#encode(work, at, part);
      await this.#send(part, work.rejected, signal);
    }
    return writeResult(work);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** Fills a part with lines from `from` on; returns the first line that did not fit. */
  #encode(work: WriteProgress, from: number, part: Growing): number {
    let size = 0;
    let index = from;
    const before = this.#encoder.droppedFields;
    for (; index < work.lines.length && size < this.#maxText; index += 1) {
      const line = work.lines[index];
      if (part.texts.length >= maxLines) break;
      if (line === undefined) continue;
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

  async #send(part: Part, rejected: Rejected[], signal: AbortSignal): Promise<void> {
    const count = part.texts.length;
    if (count === 0) return;
    const verdict = await this.#attempt(part, signal);
    switch (verdict.kind) {
      case "stored":
        return;
      case "lines":
        if (count === 1 || verdict.dropped === count) {
          return reject(part, verdict.reason, rejected);
        }
        return this.#sendHalves(part, rejected, signal);
      case "large":
        if (count === 1) return reject(part, "the database finds the line too large", rejected);
        this.#maxText = Math.max(minText, Math.min(this.#maxText, lengthOf(part) / 2));
        return this.#sendHalves(part, rejected, signal);
      case "database":
        throw missingDatabase(this.#target);
      case "failed":
        throw verdict.error;
      default:
        return assertNever(verdict);
    }
  }

  async #sendHalves(part: Part, rejected: Rejected[], signal: AbortSignal): Promise<void> {
    const middle = Math.ceil(part.texts.length / 2);
    for (const [from, to] of [
      [0, middle],
      [middle, part.texts.length],
    ]) {
      const half = { texts: part.texts.slice(from, to), indexes: part.indexes.slice(from, to) };
      await this.#send(half, rejected, signal);
    }
  }

  async #attempt(part: Part, signal: AbortSignal): Promise<WriteVerdict> {
    const text = part.texts.join("\n");
    const verdict = await this.#post(text, signal);
    if (verdict.kind !== "database" || this.#createDatabase === undefined) return verdict;
    await this.#createDatabase(signal);
    return this.#post(text, signal);
  }

  /** One request with its verdict; throws only when no answer came. */
  async #post(text: string, signal: AbortSignal): Promise<WriteVerdict> {
    const { clock, timeout, gzip: zipped } = this.#target;
    const plain = Buffer.from(text);
    const compressed = zipped && plain.length >= gzipFrom;
    const body = compressed ? await compress(plain, { level: 1 }) : plain;
    const answer = await within({ clock, timeout, signal }, (inner) =>
      this.#request(body, compressed, inner),
    );
    return verdictOf(answer, clock.now());
  }

  #request(body: Buffer, compressed: boolean, signal: AbortSignal): Promise<Answer> {
    const { request } = this.#target.url.protocol === "https:" ? https : http;
    const headers = {
      ...this.#headers,
      "content-length": body.length,
      ...(compressed ? { "content-encoding": "gzip" } : {}),
    };
    return new Promise((resolve, reject) => {
      const fail = (cause: Error): void =>
        reject(connectionError(this.#target, systemCode(cause) ?? cause.message, cause));
      const sent = request({ ...this.#options, headers, signal }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece: string) => {
          if (text.length < maxAnswer) text += piece.slice(0, maxAnswer - text.length);
        });
        response.on("error", fail);
        response.on("end", () => {
          const retryAfter = response.headers["retry-after"];
          resolve({ status: response.statusCode ?? 0, retryAfter, body: text });
        });
      });
      sent.on("error", fail);
      sent.end(body);
    });
  }
}

function requestOptions(target: Target, agent: http.Agent): http.RequestOptions {
  const { url, database, retentionPolicy } = target;
  const query = new URLSearchParams({ db: database, precision: "ms" });
  if (retentionPolicy !== undefined) query.set("rp", retentionPolicy);
  return {
    agent,
    method: "POST",
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: target.port,
    path: `${target.basePath}/write?${query.toString()}`,
  };
}

function headersOf({ username, password }: Target): Readonly<Record<string, string>> {
  const plain = { "content-type": "text/plain; charset=utf-8" };
  if (username === undefined) return plain;
  const entry = Buffer.from(`${username}:${password ?? ""}`).toString("base64");
  return { ...plain, authorization: `Basic ${entry}` };
}

function lengthOf(part: Part): number {
  return part.texts.reduce((length, text) => length + text.length + 1, 0);
}

function reject(part: Part, reason: string, rejected: Rejected[]): void {
  for (const index of part.indexes) rejected.push({ index, reason });
}

function missingDatabase(target: Target): GatewayError {
  return new GatewayError(
    "E_STORE_CONFIG",
    `${target.url.host} has no database "${target.database}"; create it, or set create: true`,
  );
}
