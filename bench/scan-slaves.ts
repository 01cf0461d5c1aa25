/**
 * The other end of a serial line: 40 meters that keep the line's timing, which a pseudo terminal
 * does not. `node bench/scan-slaves.ts PORT BAUD THINK`; ends with its standard input.
 */
import { SerialPort } from "serialport";
import { decodeReadRequest, encodeException, encodeReadReply } from "../drivers/modbus/pdu.ts";
import { crcFits, encodeRtu } from "../drivers/modbus/rtu.ts";
import { frameSilence } from "../drivers/modbus/rtu.ts";
import { characterTime } from "../drivers/transport/timing.ts";
import { setting } from "../drivers/modbus/scan/settings.ts";

/** 40 of 247 addresses, spread as installers do: blocks with gaps. */
export const inhabited = Array.from(
  { length: 40 },
  (_, index) => 1 + index + 30 * Math.floor(index / 8),
);

/** Registers of an Eastron SDM630: its code, 230.2 V, 50 Hz. */
const registers: ReadonlyMap<string, number> = new Map([
  ["holding 64514", 0x70],
  ["input 0", 0x4366],
  ["input 1", 0x3333],
  ["input 70", 0x4248],
  ["input 71", 0],
]);

const requestBytes = 8;

/** Silence that ends a frame, whatever was in it. @unit ms */
const frameEnd = 5;

/** When an answer is whole, counted from the moment the pty hands over the request. @unit ms */
export function answerAfter(baud: number, think: number, bytes: number): number {
  return requestBytes * characterTime(setting(baud, "none")) + answerTime(baud, think, bytes);
}

/** From the end of the request until the end of its answer. @unit ms */
export function answerTime(baud: number, think: number, bytes: number): number {
  const character = characterTime(setting(baud, "none"));
  return Math.max(think, frameSilence(baud, character)) + bytes * character;
}

function answer(pdu: Uint8Array): Uint8Array {
  const span = decodeReadRequest(pdu);
  if (span === undefined) return encodeException(pdu, 1);
  const words = Array.from({ length: span.count }, (_, index) =>
    registers.get(`${span.table} ${span.at + index}`),
  );
  if (words.includes(undefined)) return encodeException(pdu, 2);
  return encodeReadReply(
    span,
    words.map((word) => word ?? 0),
  );
}

function serve(path: string, baud: number, think: number): void {
  const port = new SerialPort({ path, baudRate: baud });
  let received = Buffer.alloc(0);
  let last = 0;
  port.on("data", (bytes: Buffer) => {
    const now = performance.now();
    if (now - last > frameEnd) received = Buffer.alloc(0);
    last = now;
    received = Buffer.concat([received, bytes]);
    while (received.length >= requestBytes && crcFits(received.subarray(0, requestBytes))) {
      const [unit = 0] = received;
      const pdu = Uint8Array.from(received.subarray(1, requestBytes - 2));
      received = received.subarray(requestBytes);
      if (!inhabited.includes(unit)) continue;
      const frame = Buffer.from(encodeRtu(unit, answer(pdu)));
      setTimeout(() => port.write(frame), answerAfter(baud, think, frame.length));
    }
  });
  port.on("open", () => process.stdout.write("ready\n"));
  process.stdin.on("end", () => process.exit(0)).resume();
}

const [, script = "", path, baud, think] = process.argv;
if (script.endsWith("scan-slaves.ts") && path !== undefined) {
  serve(path, Number(baud), Number(think));
}
