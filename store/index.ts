export * from "./contract.ts";
export { toLineProtocol } from "./line-protocol.ts";
export type { LineProtocol } from "./line-protocol.ts";
export * from "./options.ts";
export { openStore } from "./registry.ts";
export * from "./rollups/options.ts";
export { openRollups } from "./rollups/rollups.ts";
export type { RollupCounts, Rollups, RollupSetup } from "./rollups/rollups.ts";
export type { SqliteWorker } from "./sqlite/engine.ts";
