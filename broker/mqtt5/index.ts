export type { Hello5 } from "./connect.ts";
export { isVersion5, willDelayOf } from "./connect.ts";
export type { FrontParts } from "./front.ts";
export { Front } from "./front.ts";
export { variableAt } from "./properties.ts";
export { reasonOfCut, reasons } from "./reasons.ts";
export type { Rider } from "./riders.ts";
export { riderOf, Riders } from "./riders.ts";
export { sayRefused } from "./say.ts";
