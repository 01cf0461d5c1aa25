/**
 * Exact decimals, for going back from a value to the whole number behind it: 64-bit counters do
 * not survive the way back through doubles. A number is its shortest decimal, `units / 10^places`.
 */

export interface Decimal {
  readonly units: bigint;
  readonly places: number;
}

/** The shortest decimal that is this finite number. */
export function decimalOf(number: number): Decimal {
  const [digits = "", exponent = "0"] = String(number).split("e");
  const [whole = "", fraction = ""] = digits.split(".");
  const units = BigInt(whole + fraction);
  const places = fraction.length - Number(exponent);
  return places >= 0 ? { units, places } : { units: units * 10n ** BigInt(-places), places: 0 };
}

export function minus(one: Decimal, other: Decimal): Decimal {
  const places = Math.max(one.places, other.places);
  const lift = ({ units, places: own }: Decimal): bigint => units * 10n ** BigInt(places - own);
  return { units: lift(one) - lift(other), places };
}

/** The whole number nearest to `number * over / times`; a half goes away from zero. */
export function nearestWhole(number: Decimal, over: Decimal, times: Decimal): bigint {
  const above = number.units * over.units * 10n ** BigInt(times.places);
  const below = times.units * 10n ** BigInt(number.places + over.places);
  const negative = above < 0n !== below < 0n;
  const [a, b] = [above < 0n ? -above : above, below < 0n ? -below : below];
  const rounded = (2n * a + b) / (2n * b);
  return negative ? -rounded : rounded;
}
