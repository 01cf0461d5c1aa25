/**
 * What sessions remember over restarts of the agent: `counters.json` in its data folder, replaced
 * as a whole like the spool's checkpoint. Written before the readings it goes with are spooled;
 * while one write runs, all that comes waits for the next.
 *
 * Bounds: one small value a device, those of configured devices alone. When the disk takes nothing
 * readings go on: after a restart a count may then fall, which is counted as nothing.
 */
import { v } from "../config/index.ts";
import type { Memory } from "../drivers/index.ts";
import type { Disk, Log } from "../telemetry/index.ts";
import { messageOf } from "../telemetry/index.ts";

export const memoriesName = "counters.json";
const form = v.object({ v: v.literal(1), devices: v.record(v.string(), v.unknown()) });

export class Memories {
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #found: Readonly<Record<string, unknown>>;
  readonly #kept = new Map<string, unknown>();
  #running: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #failing = false;

  private constructor(disk: Disk, log: Log, found: Readonly<Record<string, unknown>>) {
    this.#disk = disk;
    this.#log = log;
    this.#found = found;
  }

  /** What a disk holds; a file that cannot be read is set aside and logged. */
  static async open(disk: Disk, log: Log): Promise<Memories> {
    const bytes = await disk.readAll(memoriesName);
    if (bytes === undefined) return new Memories(disk, log, {});
    const text = Buffer.from(bytes).toString();
    const result = v.safeParse(v.pipe(v.string(), v.parseJson(), form), text);
    if (result.success) return new Memories(disk, log, result.output.devices);
    log.error("counters damaged", { code: "E_SPOOL_DAMAGED", file: memoriesName });
    await disk.rename(memoriesName, `${memoriesName}.damaged`);
    return new Memories(disk, log, {});
  }

  /** What one device remembers. */
  of(device: string): Memory {
    const kept = this.#found[device];
    this.#kept.set(device, kept);
    return {
      kept,
      keep: (value) => {
        this.#kept.set(device, value);
        // Whoever comes while a write runs waits for the one after it, together with all others.
        this.#queued ??= this.#running.then(() => {
          this.#queued = undefined;
          this.#running = this.#write();
          return this.#running;
        });
      },
    };
  }

  /** Resolves once all that was kept so far is on disk, or the disk took nothing. */
  durable(): Promise<void> {
    return this.#queued ?? this.#running;
  }

  async #write(): Promise<void> {
    const devices = Object.fromEntries(this.#kept);
    try {
      await this.#disk.replace(memoriesName, Buffer.from(JSON.stringify({ v: 1, devices })));
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) {
        this.#log.warn("counters not written", { code: "E_SPOOL_WRITE", why: messageOf(error) });
      }
      this.#failing = true;
    }
  }
}
