export * from "./agent.ts";
export * from "./checkpoint.ts";
export * from "./devices.ts";
export * from "./memories.ts";
export * from "./options.ts";
export * from "./spool.ts";
export * from "./uplink.ts";
