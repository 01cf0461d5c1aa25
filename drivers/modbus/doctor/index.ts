export { collect } from "./collect.ts";
export type { Examination, UnitToAsk } from "./collect.ts";
export { diagnose } from "./diagnose.ts";
export type { Diagnosis } from "./diagnose.ts";
export type { Evidence, LineSettings, Wire } from "./evidence.ts";
export { examine, linesToExamine } from "./examine.ts";
export type { Examined, LineToExamine } from "./examine.ts";
export { causes } from "./finding.ts";
export type { CauseName, Finding } from "./finding.ts";
