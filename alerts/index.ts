export * from "./engine.ts";
export * from "./evaluate.ts";
export * from "./options.ts";
export type { DeliveryCounts } from "./notifiers/delivery.ts";
export * from "./notifiers/notifiers.ts";
export { notifyOptions } from "./notifiers/registry.ts";
export type { NotifierOptions } from "./notifiers/registry.ts";
export type { Notify, Publish, Remember } from "./outbox.ts";
export * from "./transition.ts";
