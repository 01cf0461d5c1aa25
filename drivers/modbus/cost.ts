/**
 * What one read costs its wire: the time from the end of the exchange before it to the end of its
 * reply. Pure. All times in ms.
 *
 *   | silence | request | silence, device thinks | reply: header, data | way |
 *
 *   serial   8 + 5 bytes and the data, t3.5 before the request and before the reply [MODBUS-RTU
 *            2.5.1.1], and what the adapter keeps the reply back
 *   TCP      12 + 9 bytes and the data [MODBUS-TCP 3.1.3], and the round trip
 */
import type { SerialBus } from "../transport/options.ts";
import { characterTime, frameSilence } from "./rtu.ts";

export interface Timing {
  /** Time of one byte on the wire. @unit ms */
  readonly character: number;
  /** Bytes of a request and its reply, data left out. */
  readonly framing: number;
  /** Silence kept before the request. @unit ms */
  readonly gap: number;
  /** Silence that the device keeps before its reply. @unit ms */
  readonly silence: number;
  /** What the device takes whatever is asked. @unit ms */
  readonly think: number;
  /** What the device, or a line behind it, takes for each byte of data besides. @unit ms */
  readonly thinkPerByte: number;
  /** What the way adds: an adapter, or the round trip of a network. @unit ms */
  readonly way: number;
}

/** What the time of one request consists of. @unit ms */
export interface Cost {
  readonly bytes: number;
  readonly silence: number;
  readonly device: number;
  readonly way: number;
}

/** What a request costs that brings so many bytes of data. */
export function costOf(dataBytes: number, timing: Timing): Cost {
  return {
    bytes: (timing.framing + dataBytes) * timing.character,
    silence: timing.gap + timing.silence,
    device: timing.think + dataBytes * timing.thinkPerByte,
    way: timing.way,
  };
}

/** What a request costs without its bytes of data. @unit ms */
export function requestTime(timing: Timing): number {
  return timing.gap + exchangeTime(timing);
}

/** From the first byte of a request to the last of a reply without data. @unit ms */
export function exchangeTime({ framing, character, silence, think, way }: Timing): number {
  return framing * character + silence + think + way;
}

/** What each byte of data adds. @unit ms */
export function byteTime({ character, thinkPerByte }: Timing): number {
  return character + thinkPerByte;
}

const bytesPerRegister = 2;

/** The widest hole that costs less to read across than a request. @unit registers */
export function breakEven(timing: Timing): number {
  const ratio = requestTime(timing) / (bytesPerRegister * byteTime(timing));
  return Math.ceil(ratio) - 1;
}

/** Meters take 5 to 50 ms, slow ones 100. @unit ms */
const usualThink = 20;

/** A device with a network port of its own. @unit ms */
const networkThink = 5;

/** Inside one building. @unit ms */
const usualRoundTrip = 1;

const serialFraming = 8 + 5;
const tcpFraming = 12 + 9;

/** 10 Mbit/s, the slowest port that devices have. @unit ms */
const networkByte = 8 / 10_000;

/** Of a gateway's serial line nothing is known until it has answered: the usual one. */
const lineBehind = { baud: 9600, parity: "none", dataBits: 8, stopBits: 1 } as const;

/**
 * An FTDI adapter hands short replies over when its timer of 16 ms runs out, which is half of that
 * on average; others wait for the next frame of the USB.
 */
const adapterWays: readonly (readonly [RegExp, number])[] = [
  [/ttyUSB|usbserial|FTDI|FT232/i, 8],
  [/ttyACM|usbmodem|usb/i, 1],
];

export interface LineSettings extends Pick<
  SerialBus,
  "baud" | "parity" | "dataBits" | "stopBits" | "turnaround"
> {
  /** Names the adapter; nothing is known of it when left out. */
  readonly port?: string;
}

/** Before anything is known of a device on a serial bus; `pause` is the silence it asks for. */
export function serialTiming(line: LineSettings, pause = 0): Timing {
  const character = characterTime(line);
  const silence = frameSilence(line.baud, character);
  const port = line.port ?? "";
  return {
    character,
    framing: serialFraming,
    gap: Math.max(line.turnaround ?? silence, pause),
    silence,
    think: usualThink,
    thinkPerByte: 0,
    way: adapterWays.find(([pattern]) => pattern.test(port))?.[1] ?? 0,
  };
}

/** Before anything is known of a device with a network port of its own. */
export function networkTiming(pause = 0, roundTrip = usualRoundTrip): Timing {
  return {
    character: networkByte,
    framing: tcpFraming,
    gap: pause,
    silence: 0,
    think: networkThink,
    thinkPerByte: 0,
    way: roundTrip,
  };
}

/** Before anything is known of a device on the serial line of a gateway. */
export function gatewayTiming(pause = 0, roundTrip = usualRoundTrip): Timing {
  const behind = serialTiming(lineBehind);
  return {
    ...networkTiming(pause, roundTrip),
    think: requestTime(behind),
    thinkPerByte: behind.character,
  };
}

/** Units that a device with a port of its own has; any other is behind a gateway. */
const ownUnits: ReadonlySet<number> = new Set([0, 1, 255]);

/** Before anything is known of a device at a network address. */
export function addressTiming(
  scheme: string,
  { unit, pause }: { readonly unit: number; readonly pause: number },
): Timing {
  const own = scheme === "tcp" && ownUnits.has(unit);
  return own ? networkTiming(pause) : gatewayTiming(pause);
}
