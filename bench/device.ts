/** A device of the built-in library on a serial port, as the agent opens it. */
import { clock, entropy } from "../cli/platform.ts";
import { profiles } from "../config/profiles.gen.ts";
import type { Driver, Session } from "../drivers/index.ts";
import { modbus } from "../drivers/modbus/index.ts";
import { silentLog } from "../test/virtual.ts";

/** The driver, with one bus. */
export function modbusDriver(bus: { readonly port: string; readonly baud: number }): Driver {
  return modbus.create({ clock, entropy, log: silentLog, buses: { line: bus } });
}

/** A device of the library on that bus. */
export function openUnit(driver: Driver, profile: string, unit: number): Promise<Session> {
  const target = { id: `unit-${unit}`, options: { bus: "line", unit }, profile: profiles[profile] };
  return driver.open(target);
}
