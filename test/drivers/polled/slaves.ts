/** Simulated devices for the wires of polled drivers, one for each protocol. */
import { control, encodeFrame, findFrame, identifierBytes } from "../../../drivers/dlt645/frame.ts";
import { encodeLong, encodeShort } from "../../../drivers/mbus/frame.ts";
import type { Identity } from "../../../drivers/mbus/response.ts";
import { selectionOf } from "../../../drivers/mbus/response.ts";
import { crcText } from "../../../drivers/sdi12/lines.ts";
import * as umb from "../../../drivers/umb/frame.ts";
import type { Said, Slave } from "./world.ts";

/** A meter that knows these identifiers, by upper-case hexadecimal. */
export function dlt645Meter(
  address: Uint8Array,
  values: ReadonlyMap<string, Uint8Array>,
  { most = 200, refusal = 0x02 }: { readonly most?: number; readonly refusal?: number } = {},
): Slave {
  return (received) => {
    const end = received.lastIndexOf(0x16);
    const frame = findFrame(received.subarray(0, end + 1), () => true);
    if (frame === undefined) return undefined;
    const { control: code, data } = frame;
    const length = code === control.readOld ? 2 : 4;
    const identifier = Buffer.from(data.slice(0, length).toReversed()).toString("hex");
    const value = values.get(identifier.toUpperCase());
    const reply = (flags: number, content: Uint8Array): Said => {
      const answer = { address, control: code | 0x80 | flags, data: content };
      return { used: received.length, replies: [encodeFrame(answer)] };
    };
    if (value === undefined) return reply(control.abnormal, Uint8Array.of(refusal));
    const part = code === control.readMore ? (data[4] ?? 0) : 0;
    const rest = value.subarray(part * most);
    const content = [...identifierBytes(identifier), ...rest.subarray(0, most)];
    const more = rest.length > most ? control.moreFollows : 0;
    return reply(more, Uint8Array.from(part > 0 ? [...content, part] : content));
  };
}

/** A meter that gives these telegrams, headers included, one after the other. */
export function mbusMeter(
  who: { readonly primary: number; readonly identity: Identity },
  telegrams: readonly Uint8Array[],
): Slave {
  let selected = false;
  let next = 0;
  let count: number | undefined;
  const own = Buffer.from(selectionOf(who.identity));
  return (received) => {
    const [start, second = 0, address = 0] = received;
    if (start === 0x10 && received.length >= 5) {
      const ours = address === who.primary || (address === 253 && selected);
      const said = (reply?: Uint8Array): Said => ({ used: 5, replies: reply ? [reply] : [] });
      if (!ours) return said();
      if (second === 0x40) {
        [next, count] = [0, undefined];
        return said(Uint8Array.of(0xe5));
      }
      // The same count again asks for the same telegram again.
      if (count !== undefined && count !== second) next += 1;
      count = second;
      const data = telegrams[Math.min(next, telegrams.length - 1)] ?? new Uint8Array();
      const reply = { control: 0x08, address: who.primary, information: 0x72, data };
      return said(encodeLong(reply));
    }
    if (start === 0x68 && received.length >= second + 6) {
      const mask = Buffer.from(received.subarray(7, 15));
      selected = mask.every((byte, at) => byte === 0xff || byte === own[at]);
      [next, count] = [0, undefined];
      return { used: second + 6, replies: selected ? [Uint8Array.of(0xe5)] : [] };
    }
    return start === undefined || start === 0x10 || start === 0x68
      ? undefined
      : { used: 1, replies: [] };
  };
}

/** What the master says to a meter, for tests that look for it. */
export const mbusRequests = { reset: (to: number) => encodeShort(0x40, to) };

/** The header of a telegram. */
export function mbusHeader(identity: Identity, status = 0): Uint8Array {
  return Uint8Array.of(...selectionOf(identity), 1, status, 0, 0);
}

/** One value of a UMB device: its type's code and its bytes, or a status. */
export type UmbValue =
  | { readonly type: number; readonly raw: Uint8Array }
  | { readonly status: number };

export function umbDevice(address: number, channels: ReadonlyMap<number, UmbValue>): Slave {
  return (received) => {
    const frame = umb.findFrame(received, () => true);
    if (frame === undefined) return undefined;
    if (frame.to !== address) return { used: received.length, replies: [] };
    const count = frame.payload[0] ?? 0;
    const parts: number[] = [0, count];
    for (let index = 0; index < count; index += 1) {
      const low = frame.payload[1 + 2 * index] ?? 0;
      const high = frame.payload[2 + 2 * index] ?? 0;
      const value = channels.get(low + (high << 8)) ?? { status: 0x24 };
      const part =
        "raw" in value ? [0, low, high, value.type, ...value.raw] : [value.status, low, high];
      parts.push(part.length, ...part);
    }
    const reply = { ...frame, to: frame.from, from: address, payload: Uint8Array.from(parts) };
    return { used: received.length, replies: [umb.encodeFrame(reply)] };
  };
}

export interface Sdi12Measurement {
  readonly seconds?: number;
  readonly values: readonly string[];
  /** Values in one line; the rest waits for the next data command. */
  readonly perLine?: number;
}

/** A sensor with these measurements: `M`, `C1`, `R0` … */
export function sdi12Sensor(
  address: string,
  measurements: Readonly<Record<string, Sdi12Measurement>>,
  identification = "14TEST    SENSOR1.0",
): Slave {
  let lines: readonly string[] = [];
  let crc = false;
  const line = (text: string): Uint8Array => Buffer.from(`${text}\r\n`, "latin1");
  const valued = (values: string): Uint8Array => {
    const text = `${address}${values}`;
    return line(crc ? text + crcText(text) : text);
  };
  const answer = (command: string): Uint8Array[] => {
    if (command === "I") return [line(address + identification)];
    if (command.startsWith("D")) return [valued(lines[Number(command.slice(1))] ?? "")];
    const plain = command.replace(/^([MCR])C/, "$1");
    const known = measurements[plain];
    const digits = plain.startsWith("C") ? 2 : 1;
    if (known === undefined) return [line(`${address}000${"0".padStart(digits, "0")}`)];
    crc = plain !== command;
    const { values, seconds = 0, perLine = values.length } = known;
    const starts = [...values.keys()].filter((at) => at % Math.max(1, perLine) === 0);
    lines = starts.map((at) => values.slice(at, at + perLine).join(""));
    if (plain.startsWith("R")) return [valued(lines[0] ?? "")];
    const count = String(values.length).padStart(digits, "0");
    const promise = line(`${address}${String(seconds).padStart(3, "0")}${count}`);
    return seconds > 0 && plain.startsWith("M") ? [promise, line(address)] : [promise];
  };
  return (received) => {
    const end = received.indexOf(0x21);
    if (end < 0) return undefined;
    const command = Buffer.from(received.subarray(0, end)).toString("latin1");
    if (command === "?") return { used: end + 1, replies: [line(address)] };
    const replies = command.startsWith(address) ? answer(command.slice(1)) : [];
    return { used: end + 1, replies };
  };
}
