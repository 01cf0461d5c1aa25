/** Seeded chance for a voyage: the same seed gives the same voyage, for ever. */
import { SeededEntropy } from "../virtual.ts";

export class Chance extends SeededEntropy {
  constructor(seed: number) {
    // Neighbouring seeds begin far apart.
    super(seed * 2_654_435_761 + 1);
  }

  /** A whole number from `lowest` to `highest`, both included. */
  whole(lowest: number, highest: number): number {
    return lowest + Math.floor(this.random() * (highest - lowest + 1));
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.random() < probability;
  }
}
