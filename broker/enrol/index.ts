export { Book } from "./book.ts";
export type { Enrolment } from "./enrolment.ts";
export { pendingOf } from "./enrolment.ts";
export type { EnrolSetup } from "./open.ts";
export { openEnrolment, prepareEnrolment } from "./open.ts";
export * from "./orders.ts";
