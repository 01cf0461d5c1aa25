/** The drivers there are. Adding one: its folder, and one line here. */
import type { DriverKind } from "./contract.ts";
import { amd } from "./amd/index.ts";
import { ascend } from "./ascend/index.ts";
import { dlt645 } from "./dlt645/index.ts";
import { exec } from "./exec/index.ts";
import { hj212 } from "./hj212/index.ts";
import { hostDriver } from "./host/index.ts";
import { ipmi } from "./ipmi/index.ts";
import { httpJson } from "./http-json/index.ts";
import { lorawan } from "./lorawan/index.ts";
import { mbus } from "./mbus/index.ts";
import { modbus } from "./modbus/index.ts";
import { mqtt } from "./mqtt/index.ts";
import { nmea } from "./nmea/index.ts";
import { nvidia } from "./nvidia/index.ts";
import { particles } from "./particles/index.ts";
import { redfish } from "./redfish/index.ts";
import { prometheus } from "./prometheus/index.ts";
import { sdi12 } from "./sdi12/index.ts";
import { snmp } from "./snmp/index.ts";
import { simDriver } from "./sim/index.ts";
import { umb } from "./umb/index.ts";

export const drivers: Readonly<Record<string, DriverKind>> = {
  amd,
  ascend,
  dlt645,
  exec,
  hj212,
  host: hostDriver,
  ipmi,
  "http-json": httpJson,
  lorawan,
  mbus,
  modbus,
  mqtt,
  nmea,
  nvidia,
  particles,
  redfish,
  prometheus,
  sdi12,
  sim: simDriver,
  snmp,
  umb,
};
