export * from "./contract.ts";
export * from "./registry.ts";
export * from "./transport/options.ts";
export * from "./modbus/scan/index.ts";
export { simulate } from "./modbus/simulator.ts";
export type { Simulator, SimulateOptions } from "./modbus/simulator.ts";
export { waveform } from "./sim/index.ts";
export type { Wave } from "./sim/index.ts";
