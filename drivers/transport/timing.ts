/** Times that belong to a wire, whatever is spoken on it. */
import type { SerialBus } from "./options.ts";

/** How a character is framed on a line. */
export type LineSettings = Pick<SerialBus, "baud" | "parity" | "dataBits" | "stopBits">;

/** Time of one character on a line, start and stop bits included. @unit ms */
export function characterTime({ baud, parity, dataBits, stopBits }: LineSettings): number {
  const bits = 1 + dataBits + (parity === "none" ? 0 : 1) + stopBits;
  return (bits * 1000) / baud;
}

/** A USB adapter hands bytes over up to 16 ms late (FTDI latency timer). @unit ms */
export const serialQuiet = 20;

/** A network adds more than an adapter does. @unit ms */
export const networkQuiet = 50;
