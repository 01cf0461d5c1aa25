/** The drivers there are. Adding one: its folder, and one line here. */
import type { DriverKind } from "./contract.ts";
import { hj212 } from "./hj212/index.ts";
import { hostDriver } from "./host/index.ts";
import { lorawan } from "./lorawan/index.ts";
import { modbus } from "./modbus/index.ts";
import { nmea } from "./nmea/index.ts";
import { particles } from "./particles/index.ts";
import { simDriver } from "./sim/index.ts";

export const drivers: Readonly<Record<string, DriverKind>> = {
  hj212,
  host: hostDriver,
  lorawan,
  modbus,
  nmea,
  particles,
  sim: simDriver,
};
