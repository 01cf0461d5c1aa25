export * from "./capacity/index.ts";
export * from "./engine.ts";
export * from "./evaluate.ts";
export * from "./options.ts";
export type { Notify, Publish } from "./outbox.ts";
export * from "./transition.ts";
