/** Looking for Modbus devices on serial lines and networks. Reads only. */
export { hostsOf } from "./hosts.ts";
export { identifyUnit } from "./identity.ts";
export type { Identity } from "./identity.ts";
export { searchNetwork } from "./network.ts";
export type { HostFound, NetworkSearch } from "./network.ts";
export { openNetworkWire, openSerialWire } from "./open.ts";
export type { Wire } from "./wire.ts";
export { searchSerial } from "./serial.ts";
export type { IdentifiedUnit, SearchProgress, SerialSearch, SerialState } from "./serial.ts";
export { inspectUnit } from "./inspect.ts";
export type { Inspection } from "./inspect.ts";
export { modbusProfiles } from "./library.ts";
export { setting as lineSetting, settingName, settingsOf } from "./settings.ts";
export type { LineSetting } from "./settings.ts";
