/**
 * bdSeq: which session of the edge node a death belongs to. One more with each MQTT CONNECT, 0 to
 * 255 and round again, over restarts too: else the late death of a killed process would pass for
 * that of the next.
 */
import { v } from "../../config/index.ts";
import type { Disk, Log } from "../../telemetry/index.ts";
import { messageOf } from "../../telemetry/index.ts";

export const birthCountName = "sparkplug.json";
const form = v.object({
  bdSeq: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255)),
});

export class BirthCount {
  readonly #disk: Disk;
  readonly #log: Log;
  #last: number | undefined;
  #written: Promise<void> = Promise.resolve();

  private constructor(disk: Disk, log: Log, last: number | undefined) {
    this.#disk = disk;
    this.#log = log;
    this.#last = last;
  }

  /** Goes on where the file ends; without one that can be read, at 0. */
  static async open(disk: Disk, log: Log): Promise<BirthCount> {
    const bytes = await disk.readAll(birthCountName);
    if (bytes === undefined) return new BirthCount(disk, log, undefined);
    const text = Buffer.from(bytes).toString();
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), form), text);
    return new BirthCount(disk, log, parsed.success ? parsed.output.bdSeq : undefined);
  }

  /** That of the newest CONNECT. */
  get last(): number {
    return this.#last ?? 0;
  }

  /** For a new CONNECT. */
  next(): number {
    const bdSeq = this.#last === undefined ? 0 : (this.#last + 1) % 256;
    this.#last = bdSeq;
    const before = this.#written;
    this.#written = this.#write(bdSeq, before);
    return bdSeq;
  }

  /** Resolves once the newest is on disk, or the disk took nothing. */
  durable(): Promise<void> {
    return this.#written;
  }

  async #write(bdSeq: number, before: Promise<void>): Promise<void> {
    await before;
    try {
      await this.#disk.replace(birthCountName, Buffer.from(JSON.stringify({ bdSeq })));
    } catch (error) {
      const fields = { code: "E_SPOOL_WRITE", file: birthCountName, why: messageOf(error) };
      this.#log.warn("bdSeq not written", fields);
    }
  }
}
