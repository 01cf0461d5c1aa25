/**
 * What one notifier has still to tell, and which alerts it has told the beginning of: a file in
 * the hub's folder, replaced as a whole. An alert is told to begin only when it is not open, and to
 * end only when it is: so that a crash, after which the engine may come to the same transition
 * again, repeats nothing. A file that cannot be read is set aside.
 * Limits: `most` events that wait, `maxOpen` alerts; the oldest event is shed, what opens no more
 * is not told; both are counted.
 */
import { messageOf } from "../../telemetry/index.ts";
import type { AlertEvent } from "./contract.ts";
import type { KeptEvents, QueueParts } from "./queue-file.ts";
import { encodeQueue, fileOf, readQueue } from "./queue-file.ts";

/** Alerts that may be open at once. */
export const maxOpen = 10_000;
export interface QueueOptions {
  readonly name: string;
  /** Events that may wait. */
  readonly most: number;
  /** Whether the ends of alerts are told. */
  readonly resolved: boolean;
}

export class Queue {
  readonly #options: QueueOptions;
  readonly #parts: QueueParts;
  #waiting: AlertEvent[];
  readonly #open: Map<string, AlertEvent>;
  /** Encoded once: the file is written often. */
  readonly #texts = new WeakMap<AlertEvent, string>();
  #saving: Promise<void> | undefined;
  #changed = false;
  #saves = true;
  /** Events that were never told, because too many waited. */
  shed = 0;

  private constructor(options: QueueOptions, parts: QueueParts, kept: KeptEvents) {
    this.#options = options;
    this.#parts = parts;
    this.#waiting = kept.waiting;
    this.#open = new Map(kept.open.map((one) => [one.key, one]));
  }

  /** With what an earlier run left. */
  static async load(options: QueueOptions, parts: QueueParts): Promise<Queue> {
    return new Queue(options, parts, await readQueue(options.name, parts));
  }

  get waiting(): readonly AlertEvent[] {
    return this.#waiting;
  }

  /** The alerts whose beginning was told, or waits to be. */
  get open(): ReadonlyMap<string, AlertEvent> {
    return this.#open;
  }

  /**
   * Takes an event, unless it is told already and not to be told `again`; it is durable after
   * `save`. False when it changed nothing.
   */
  add(next: AlertEvent, again = false): boolean {
    const begun = this.#open.get(next.key);
    if (next.state === "firing") {
      if (begun !== undefined && !again) return false;
      if (begun === undefined && this.#open.size >= maxOpen) {
        this.shed += 1;
        return false;
      }
      this.#open.set(next.key, next);
      this.#push(next);
      return true;
    }
    if (begun === undefined) return false;
    this.#open.delete(next.key);
    // As it began, so that both are known to be of the same alert even when the rule was changed.
    const { id, queued, time, value } = next;
    const end: AlertEvent = { ...begun, id, queued, time, value, state: "resolved" };
    if (this.#options.resolved) this.#push(end);
    return true;
  }

  /** Takes events off, once they are told or given up. */
  remove(events: readonly AlertEvent[]): void {
    const gone = new Set(events);
    this.#waiting = this.#waiting.filter((one) => !gone.has(one));
  }

  /** Makes what was added and removed durable; a disk that refuses delays no message. */
  save(): Promise<void> {
    this.#changed = true;
    this.#saving ??= this.#saveAll().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  #push(next: AlertEvent): void {
    this.#waiting.push(next);
    if (this.#waiting.length <= this.#options.most) return;
    this.#waiting.shift();
    this.shed += 1;
  }

  async #saveAll(): Promise<void> {
    const { disk, log } = this.#parts;
    const { name } = this.#options;
    // The caller goes on first, so that all of one moment is written at once.
    await Promise.resolve();
    while (this.#changed) {
      this.#changed = false;
      try {
        await disk.replace(fileOf(name), await this.#encode());
        if (!this.#saves) log.info("notifier queue is written again", { notifier: name });
        this.#saves = true;
      } catch (error) {
        const problem = messageOf(error);
        if (this.#saves) log.error("notifier queue was not written", { notifier: name, problem });
        this.#saves = false;
      }
    }
  }

  /** As it is now; what changes while it is written is written after it. */
  #encode(): Promise<Uint8Array> {
    const now = { waiting: [...this.#waiting], open: [...this.#open.values()] };
    return encodeQueue(now, (one) => this.#textOf(one), this.#parts.clock);
  }

  #textOf(one: AlertEvent): string {
    const known = this.#texts.get(one);
    if (known !== undefined) return known;
    const text = JSON.stringify(one);
    this.#texts.set(one, text);
    return text;
  }
}
