export { simDriver } from "./driver.ts";
export type { Wave } from "./waveform.ts";
export { waveform } from "./waveform.ts";
