/**
 * How a serial bus stands in the configuration: `buses: {rs485: {port: …, baud: 9600}}`.
 */
import { duration, option, text, v, whole } from "../../config/index.ts";

const line = {
  baud: v.optional(
    option(whole(300, 4_000_000), {
      about: "Speed of the line, in bits per second.",
      example: 9600,
    }),
    9600,
  ),
  parity: v.optional(
    option(v.picklist(["none", "even", "odd"]), {
      about: "Parity bit.",
      example: "even",
    }),
    "none",
  ),
  dataBits: v.optional(option(v.picklist([7, 8]), { about: "Bits of data in a character." }), 8),
  stopBits: v.optional(option(v.picklist([1, 2]), { about: "Stop bits of a character." }), 1),
};

/** Line settings alone, as profiles say what a maker ships; and what the device is to the line. */
export const serialSettings = v.strictObject({
  ...line,
  unitLoad: v.optional(
    option(v.pipe(v.number(), v.minValue(0.01), v.maxValue(32)), {
      about: "How much of a line's 32 unit loads its receiver takes; 1 when left out.",
      example: 0.125,
    }),
  ),
});

/** A serial bus of the configuration. */
export const serialBusOptions = v.strictObject({
  port: option(text, {
    about: "The serial port; paths under /dev/serial/by-id survive replugging.",
    example: "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0",
  }),
  ...line,
  turnaround: v.optional(
    option(duration, {
      about: "Silence kept before each request; the time of 3.5 characters when left out.",
      example: "5ms",
    }),
  ),
});

export type SerialBus = v.InferOutput<typeof serialBusOptions>;
