/**
 * Faults of a device that speaks by itself: each is told when it appears, not with every message
 * that has it, and goes with the next reading.
 */
import type { Fault } from "../../telemetry/index.ts";

/** Faults told with one reading. */
const maxFaults = 8;

/** Topics whose faults are remembered; those of more are told each time. */
const maxTopics = 256;

export class FaultNews {
  readonly #standing = new Map<string, ReadonlySet<string>>();
  #pending: Fault[] = [];

  /** What a message on this topic had wrong, now; none: it is right again. */
  note(topic: string, faults: readonly Fault[]): void {
    const before = this.#standing.get(topic);
    const now = new Set(faults.map(({ code, at }) => `${code} ${at}`));
    for (const fault of faults) {
      if (before?.has(`${fault.code} ${fault.at}`) === true) continue;
      if (this.#pending.length < maxFaults) this.#pending.push(fault);
    }
    if (now.size === 0) this.#standing.delete(topic);
    else if (before !== undefined || this.#standing.size < maxTopics) {
      this.#standing.set(topic, now);
    }
  }

  /** What is new since the reading before. */
  take(): readonly Fault[] {
    const taken = this.#pending;
    this.#pending = [];
    return taken;
  }
}
