export type { Api, ApiCall } from "./api.ts";
export * from "./exposition.ts";
export * from "./options.ts";
export * from "./server.ts";
