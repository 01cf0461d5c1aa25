/**
 * Sensirion SPS30 over SHDLC (data sheet SPS30, version 2.0, section 5.3 "UART/SHDLC commands"):
 * the measurement is started once, then read; a new value comes each second.
 */
import { GatewayError } from "../../telemetry/index.ts";
import type { Values } from "./fields.ts";
import type { ShdlcAnswer, ShdlcRequest } from "./shdlc.ts";

/** Start Measurement: 01 03 asks for big-endian IEEE 754 floats. [SPS30 5.3.1] */
export const startMeasurement: ShdlcRequest = { command: 0x00, data: [0x01, 0x03] };

/** Read Measured Values; an answer without data: nothing new yet. [SPS30 5.3.3] */
export const readMeasured: ShdlcRequest = { command: 0x03, data: [] };

/** The command is not allowed in this state: started already, or not yet. [SPS30 5.2] */
export const notNow = 0x43;

/** How often the sensor has new values. @unit ms */
export const measuringPeriod = 1000;

/**
 * Ten values: mass of PM1, 2.5, 4, 10 in µg/m³, five numbers per cm³, typical size in µm. Floats,
 * or whole numbers when somebody else has started the measurement so. [SPS30 5.3.1]
 */
const dataBytes: readonly number[] = [40, 20];

const massFields = ["pm1_ugm3", "pm25_ugm3", "pm4_ugm3", "pm10_ugm3"] as const;

/**
 * The values of an answer, or undefined when there is nothing new.
 * @throws E_DEVICE_FRAME, E_DEVICE_REFUSED
 */
export function valuesOf({ state, data }: ShdlcAnswer): Values | undefined {
  if ((state & 0x7f) !== 0) throw refused(state);
  if (data.length === 0) return undefined;
  if (!dataBytes.includes(data.length)) {
    throw new GatewayError("E_DEVICE_FRAME", `${data.length} bytes of values instead of 40`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const width = data.length / 10;
  const entries = massFields.map((field, index) => {
    const at = index * width;
    // Seven digits are what a float carries: 1.2 is not 1.2000000476837158.
    const value = width === 2 ? view.getUint16(at) : Number(view.getFloat32(at).toPrecision(7));
    return [field, { at: 5 + index * 4, raw: data.subarray(at, at + width), value }] as const;
  });
  return Object.fromEntries(entries.filter(([, { value }]) => Number.isFinite(value)));
}

/** What an answer with an error state means. [SPS30 5.2] */
export function refused(state: number): GatewayError {
  const code = (state & 0x7f).toString(16).padStart(2, "0");
  return new GatewayError("E_DEVICE_REFUSED", `the sensor refuses with state 0x${code}`);
}
