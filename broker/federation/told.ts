/**
 * Which topics a peer's broker was told to retain, so that they can be cleared there once it may
 * not have them any more, also after a restart or a cut: `told.json` in the peer's folder, replaced
 * as a whole. A topic is in it before it is told; while one write runs, all that comes waits for
 * the next.
 *
 * Limits: `maxTopics`; what is beyond is refused.
 */
import { v } from "../../config/index.ts";
import type { Disk, Log } from "../../telemetry/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";

const fileName = "told.json";
const maxTopics = 200_000;
const form = v.object({ v: v.literal(1), topics: v.array(v.string()) });

export class Told {
  readonly #disk: Disk;
  readonly #topics: Set<string>;
  /** Of these, what is on disk for good. */
  #durable: Set<string>;
  #running: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;

  private constructor(disk: Disk, topics: readonly string[]) {
    this.#disk = disk;
    this.#topics = new Set(topics);
    this.#durable = new Set(topics);
  }

  /** A file that cannot be read is set aside and logged: what it named stays retained. */
  static async open(disk: Disk, log: Log): Promise<Told> {
    const bytes = await disk.readAll(fileName);
    if (bytes === undefined) return new Told(disk, []);
    const text = Buffer.from(bytes).toString();
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), form), text);
    if (parsed.success) return new Told(disk, parsed.output.topics);
    log.error("told topics damaged", { code: "E_SPOOL_DAMAGED", file: fileName });
    await disk.rename(fileName, `${fileName}.damaged`);
    return new Told(disk, []);
  }

  get topics(): readonly string[] {
    return [...this.#topics];
  }

  /** Resolves once the topic is on disk. @throws E_SPOOL_WRITE */
  add(topic: string): Promise<void> {
    if (!this.#topics.has(topic) && this.#topics.size >= maxTopics) {
      const why = `${fileName}: ${maxTopics} topics are retained for this peer already`;
      return Promise.reject(new GatewayError("E_SPOOL_WRITE", why));
    }
    this.#topics.add(topic);
    return this.#durable.has(topic) ? Promise.resolve() : this.#save();
  }

  /** The topic is cleared. What is not written down is cleared once more after a restart. */
  remove(topic: string): void {
    this.#durable.delete(topic);
    if (this.#topics.delete(topic)) this.#save().catch(() => undefined);
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    await (this.#queued ?? this.#running).catch(() => undefined);
  }

  #save(): Promise<void> {
    this.#queued ??= this.#running.then(() => {
      this.#queued = undefined;
      const written = this.#write();
      this.#running = written.catch(() => undefined);
      return written;
    });
    return this.#queued;
  }

  async #write(): Promise<void> {
    const topics = [...this.#topics];
    try {
      await this.#disk.replace(fileName, Buffer.from(JSON.stringify({ v: 1, topics })));
    } catch (cause) {
      throw new GatewayError("E_SPOOL_WRITE", `${fileName}: ${messageOf(cause)}`, { cause });
    }
    // What was removed meanwhile is not there for good.
    this.#durable = new Set(topics.filter((topic) => this.#topics.has(topic)));
  }
}
