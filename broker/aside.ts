/**
 * The dead-letter file: what can never be stored, one JSON object a line, with its reason. Two
 * files of at most 8 MiB: when the current one is full it becomes the old one. Log lines are
 * rate-limited, counts are not. An entry is durable before its batch is called stored; what the
 * disk does not take is only counted, or the agent would send it for ever.
 */
import type { Disk, DiskFile, Platform } from "../telemetry/index.ts";
import { messageOf } from "../telemetry/index.ts";
import type { SetAside } from "../store/index.ts";
import { asideFile, asideText } from "../store/index.ts";

const fileName = asideFile;
const maxBytes = 8 * 1024 * 1024;
/** Entries that wait for the disk; beyond it they are only counted. */
const maxWaiting = 1000;
/** At most one log line in this time. @unit ms */
const logEvery = 60_000;

export class AsideFile implements AsyncDisposable {
  readonly #disk: Disk;
  readonly #platform: Platform;
  #file: DiskFile | undefined;
  #end = 0;
  #waiting: string[] = [];
  /** Resolves when what waits now rests. */
  #next = Promise.withResolvers<void>();
  #writing: Promise<void> | undefined;
  #loggedAt = Number.NEGATIVE_INFINITY;
  count = 0;

  constructor(disk: Disk, platform: Platform) {
    this.#disk = disk;
    this.#platform = platform;
  }

  /** Resolves when the entry is durable, or was given up. */
  add(entry: SetAside): Promise<void> {
    const { topic, reason } = entry;
    const { clock, log } = this.#platform;
    this.count += 1;
    if (clock.monotonic() - this.#loggedAt >= logEvery) {
      this.#loggedAt = clock.monotonic();
      log.warn("set aside", { topic, reason, count: this.count, file: fileName });
    }
    if (this.#waiting.length >= maxWaiting) return Promise.resolve();
    this.#waiting.push(asideText(entry, clock.now()));
    const { promise } = this.#next;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#file?.close();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const { resolve } = this.#next;
      this.#next = Promise.withResolvers();
      const bytes = Buffer.from(this.#waiting.splice(0).join(""));
      try {
        const file = await this.#fileFor(bytes.length);
        await file.write(this.#end, bytes);
        this.#end += bytes.length;
        await file.sync();
      } catch (error) {
        this.#platform.log.error("dead-letter file failed", { why: messageOf(error) });
      }
      resolve();
    }
  }

  async #fileFor(length: number): Promise<DiskFile> {
    if (this.#file === undefined) {
      this.#file = await this.#disk.open(fileName, 0);
      this.#end = this.#file.size;
    }
    if (this.#end + length <= maxBytes || this.#end === 0) return this.#file;
    await this.#file.close();
    await this.#disk.rename(fileName, `${fileName}.old`);
    this.#file = await this.#disk.open(fileName, 0);
    this.#end = 0;
    return this.#file;
  }
}
