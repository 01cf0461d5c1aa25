export * from "./contract.ts";
export { toLineProtocol } from "./line-protocol.ts";
export type { LineProtocol } from "./line-protocol.ts";
export * from "./options.ts";
export { backUpStore, openStore } from "./registry.ts";
export type { SqliteWorker } from "./sqlite/engine.ts";
