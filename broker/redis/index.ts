export { openShared } from "./shared.ts";
