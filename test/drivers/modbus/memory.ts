/** A memory as the agent gives it to sessions: what is kept goes through JSON. */
import type { Memory } from "../../../drivers/contract.ts";

export interface TestMemory extends Memory {
  /** What a session of the next life would find. */
  readonly kept: unknown;
  /** How often something was kept. */
  readonly writes: number;
}

export function memoryOf(first: unknown): TestMemory {
  let kept: unknown = first;
  let writes = 0;
  return {
    get kept() {
      return kept;
    },
    get writes() {
      return writes;
    },
    keep(value) {
      const text = JSON.stringify(value);
      kept = JSON.parse(text);
      writes += 1;
    },
  };
}
