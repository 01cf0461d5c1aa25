/** The drivers there are. Adding one: its folder, and one line here. */
import type { DriverKind } from "./contract.ts";
import { dlt645 } from "./dlt645/index.ts";
import { hostDriver } from "./host/index.ts";
import { mbus } from "./mbus/index.ts";
import { modbus } from "./modbus/index.ts";
import { sdi12 } from "./sdi12/index.ts";
import { simDriver } from "./sim/index.ts";
import { umb } from "./umb/index.ts";

export const drivers: Readonly<Record<string, DriverKind>> = {
  dlt645,
  host: hostDriver,
  mbus,
  modbus,
  sdi12,
  sim: simDriver,
  umb,
};
