export * from "./contract.ts";
export * from "./registry.ts";
export { HttpClient } from "./transport/http.ts";
export type { DeviceAnswer, DeviceRequest } from "./transport/http.ts";
export * from "./transport/options.ts";
export * from "./transport/ports.ts";
export { listSerialPorts } from "./transport/serial.ts";
export * from "./modbus/scan/index.ts";
export { simulate } from "./modbus/simulator.ts";
export type { Simulator, SimulateOptions } from "./modbus/simulator.ts";
export { waveform } from "./sim/index.ts";
export type { Wave } from "./sim/index.ts";
export {
  parseExpectation,
  placesOf,
  probe,
  quantities,
  registerTables,
  skeletonOf,
  windowsOf,
} from "./modbus/probe/index.ts";
export type {
  Candidate,
  Expectation,
  Probed,
  ProbeTarget,
  RegisterTable,
  Window,
} from "./modbus/probe/index.ts";
export { modbusOptionsSchema } from "./modbus/options.ts";
export { causes, examine, linesToExamine } from "./modbus/doctor/index.ts";
export type { Examined, Finding, LineToExamine } from "./modbus/doctor/index.ts";
