export * from "./aside.ts";
export * from "./ingest.ts";
export * from "./options.ts";
export type { OutsideSetup } from "./outside.ts";
export * from "./service.ts";
export * from "./service-options.ts";
export * from "./states.ts";
export { hashPassword } from "./passwords.ts";
