export * from "./files.ts";
export { questionsOf } from "./plan.ts";
export type { ElementQuestions, Questions } from "./plan.ts";
export { fileText } from "./statement.ts";
export type { Asked, QueryFile, Statement } from "./statement.ts";
