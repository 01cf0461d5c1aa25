export * from "./described.ts";
export * from "./measurements.ts";
export * from "./register.ts";
export * from "./rollups.ts";
