export * from "./exposition.ts";
export * from "./options.ts";
export * from "./server.ts";
