/** What a raw number may be multiplied by, and how usual that is. Costs in nats. */
import type { QuantityName } from "./quantities.ts";

export interface Scale {
  readonly scale: number;
  readonly cost: number;
}

const ofWholes: readonly Scale[] = [
  { scale: 1, cost: 0 },
  { scale: 0.1, cost: 0.05 },
  { scale: 0.01, cost: 0.1 },
  { scale: 0.001, cost: 0.3 },
  { scale: 10, cost: 0.9 },
  { scale: 100, cost: 1.1 },
  { scale: 1000, cost: 1 },
  { scale: 0.0001, cost: 1.2 },
];

/** Energy is counted in kWh, tenths and hundredths of it, or Wh. */
const ofWholeEnergy: readonly Scale[] = [
  { scale: 1, cost: 0.1 },
  { scale: 10, cost: 0.2 },
  { scale: 100, cost: 0.2 },
  { scale: 1000, cost: 0.1 },
  { scale: 0.1, cost: 0.9 },
  { scale: 0.01, cost: 1.1 },
  { scale: 10_000, cost: 1.2 },
  { scale: 1e6, cost: 1.2 },
];

const ofFloats: readonly Scale[] = [
  { scale: 1, cost: 0 },
  { scale: 1000, cost: 0.7 },
  { scale: 0.001, cost: 1.5 },
  { scale: 1e6, cost: 2.5 },
  { scale: 0.1, cost: 3.5 },
  { scale: 0.01, cost: 3.5 },
  { scale: 10, cost: 4 },
  { scale: 100, cost: 4 },
];

const ofFloatEnergy: readonly Scale[] = [
  { scale: 1000, cost: 0 },
  ...ofFloats.filter(({ scale }) => scale !== 1000),
];

/** The scales of a quantity, the usual first. */
export function scalesOf(quantity: QuantityName, float: boolean): readonly Scale[] {
  if (quantity === "energy") return float ? ofFloatEnergy : ofWholeEnergy;
  return float ? ofFloats : ofWholes;
}

/** `raw * scale` without noise: dividing by ten is exact where multiplying by 0.1 is not. */
export function scaledBy(raw: number, scale: number): number {
  return scale < 1 ? raw / Math.round(1 / scale) : raw * scale;
}
