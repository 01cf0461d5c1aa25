/** Lists of whole numbers as they are typed: `1-247`, `9600,19200`, `1-10,50`. */
import { GatewayError } from "../telemetry/index.ts";

/** Every number that is meant, each once, in order. @throws E_USAGE */
export function numbersIn(
  name: string,
  text: string,
  [lowest, highest]: readonly [number, number],
): number[] {
  const numbers = new Set<number>();
  for (const part of text.split(",")) {
    const [, from = "", to = from] = /^\s*(\d{1,7})(?:-(\d{1,7}))?\s*$/.exec(part) ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (from === "" || first < lowest || last > highest || last < first) {
      const sentence = `write numbers from ${lowest} to ${highest}, as 1-20 or 1,5,9`;
      throw new GatewayError("E_USAGE", `--${name} ${text}: ${sentence}`);
    }
    for (let number = first; number <= last; number += 1) numbers.add(number);
  }
  return [...numbers];
}
