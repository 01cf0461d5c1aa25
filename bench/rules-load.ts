/** What both sides of `bench/rules.ts` judge: 1,000 inlets, ten limits of each. */
export const devices = 1000;
/** One rule each: °C. */
export const limits = Array.from({ length: 10 }, (_, n) => 28 + n / 2);
/** How long above before it fires. @unit s */
export const holds = 3;
/** Between two readings, and two evaluations. @unit ms */
export const every = 1000;

const wave = 3_600_000;

/** 18 to 32 °C: of each device its own base and a slow wave, so that alerts come and go. */
export function valueOf(n: number, time: number): number {
  const base = 20 + ((n * 37) % 100) / 10;
  return Math.round(10 * (base + 2 * Math.sin(2 * Math.PI * (time / wave + n / 97)))) / 10;
}
