/** The drivers there are. Adding one: its folder, and one line here. */
import type { DriverKind } from "./contract.ts";
import { dlt645 } from "./dlt645/index.ts";
import { hj212 } from "./hj212/index.ts";
import { hostDriver } from "./host/index.ts";
import { lorawan } from "./lorawan/index.ts";
import { mbus } from "./mbus/index.ts";
import { modbus } from "./modbus/index.ts";
import { nmea } from "./nmea/index.ts";
import { particles } from "./particles/index.ts";
import { prometheus } from "./prometheus/index.ts";
import { sdi12 } from "./sdi12/index.ts";
import { simDriver } from "./sim/index.ts";
import { umb } from "./umb/index.ts";

export const drivers: Readonly<Record<string, DriverKind>> = {
  dlt645,
  hj212,
  host: hostDriver,
  lorawan,
  mbus,
  modbus,
  nmea,
  particles,
  prometheus,
  sdi12,
  sim: simDriver,
  umb,
};
