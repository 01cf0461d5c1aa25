export type { EscapeReport, EscapeSetup } from "./audit.ts";
export { tryEscapes } from "./audit.ts";
export type { EscapeRow, Leak } from "./book.ts";
export { dialer } from "./dial.ts";
export type { Account, Doors } from "./member.ts";
export type { AuditedHub } from "./own-hub.ts";
export { startAuditedHub } from "./own-hub.ts";
export type { Who } from "./rights.ts";
export { mayCause, mayHear, whoIs } from "./rights.ts";
