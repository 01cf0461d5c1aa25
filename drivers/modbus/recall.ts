/**
 * What a session remembers over restarts is one kept object; here each of its parts gets a key of
 * its own in it. Before there were parts, what was kept were the counters alone.
 */
import { isRecord } from "../../telemetry/index.ts";
import type { Memory } from "../contract.ts";

const partNames = ["counters", "reads"] as const;
type PartName = (typeof partNames)[number];

export class Recall {
  readonly #memory: Memory | undefined;
  #parts: Readonly<Partial<Record<PartName, unknown>>>;

  constructor(memory: Memory | undefined) {
    const kept = memory?.kept;
    this.#memory = memory;
    if (!isRecord(kept)) this.#parts = {};
    else if (Object.keys(kept).every(isPartName)) this.#parts = { ...kept };
    else this.#parts = { counters: kept };
  }

  /** One part of what is remembered; undefined where nothing is. */
  part(name: PartName): Memory | undefined {
    const memory = this.#memory;
    if (memory === undefined) return undefined;
    return {
      kept: this.#parts[name],
      keep: (value) => {
        this.#parts = { ...this.#parts, [name]: value };
        memory.keep(this.#parts);
      },
    };
  }
}

function isPartName(key: string): boolean {
  return partNames.some((name) => name === key);
}
