/** Waiting for a condition, also where no vitest runs: tools start the same servers as tests. */
import { setTimeout } from "node:timers/promises";

/** Asks again and again; false when the condition has not held within `timeout`. @unit ms */
export async function until(
  holds: () => boolean | Promise<boolean>,
  { timeout, interval }: { readonly timeout: number; readonly interval: number },
): Promise<boolean> {
  const end = performance.now() + timeout;
  while (performance.now() < end) {
    if (await holds()) return true;
    await setTimeout(interval);
  }
  return holds();
}
