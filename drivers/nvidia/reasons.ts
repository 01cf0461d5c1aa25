/**
 * Why the clocks of a card are held back: the bits of NVML (nvml.h, nvmlClocksEventReasons) as the
 * bits of `throttle_code`, and what the maker advises to do with a card as `health_state`.
 */
import { health, throttle } from "../cards.ts";
import type { Reader } from "./cell.ts";

const { idle, powerCap, hardware, thermal, other } = throttle;

/** Bit of NVML → ours; what is not here is `other`. */
const bits: ReadonlyMap<bigint, number> = new Map([
  [0x1n, idle],
  [0x4n, powerCap],
  [0x8n, hardware],
  [0x20n, thermal],
  [0x40n, hardware | thermal],
  [0x80n, hardware],
]);

/** `0x0000000000000024` → 10. */
export const activeReasons: Reader = (text) => {
  if (!/^0x[0-9a-f]{1,16}$/i.test(text)) return undefined;
  const mask = BigInt(text);
  let code = 0;
  for (let bit = 1n; bit <= mask; bit <<= 1n) {
    if ((mask & bit) !== 0n) code |= bits.get(bit) ?? other;
  }
  return code;
};

/** The end of a reason's name in XML → our bits; what is not here is `other`. */
const named: readonly (readonly [ending: string, bits: number])[] = [
  ["gpu_idle", idle],
  ["sw_power_cap", powerCap],
  ["hw_thermal_slowdown", hardware | thermal],
  ["hw_power_brake_slowdown", hardware],
  ["hw_slowdown", hardware],
  ["sw_thermal_slowdown", thermal],
];

export function reasonBits(name: string): number {
  return named.find(([ending]) => name.endsWith(ending))?.[1] ?? other;
}

/** `None`, `GPU Reset`, `Node Reboot`, `Drain P2P`, `Drain and Reset`, as NVML names them. */
export const recoveryAction: Reader = (text) => {
  if (/^none$/i.test(text)) return health.good;
  if (/^drain/i.test(text)) return health.warning;
  return /reset|reboot|unhealthy/i.test(text) ? health.critical : undefined;
};
