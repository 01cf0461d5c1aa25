export type { AskCounts } from "./desk.ts";
export * from "./request.ts";
