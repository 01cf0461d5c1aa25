export * from "./measurements.ts";
export * from "./register.ts";
