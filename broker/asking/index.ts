export type { AskCounts, AskRefusal } from "./desk.ts";
export * from "./request.ts";
