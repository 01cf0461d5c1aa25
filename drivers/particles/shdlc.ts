/**
 * SHDLC, the serial protocol of Sensirion's SPS30, 115200 8N1 (data sheet SPS30, version 2.0,
 * section 5 "Operation and communication through the UART interface").
 *
 *   request  | 7E | addr 00 | cmd |       | L | data 0..255 | chk | 7E |        5.1
 *   answer   | 7E | addr 00 | cmd | state | L | data 0..255 | chk | 7E |
 *
 * `chk` is the inverted low byte of the sum of all between the flags but itself. Between the flags
 * 7E, 7D, 11 and 13 are sent as 7D and the byte with bit 5 inverted (table 5: byte stuffing).
 */

const flag = 0x7e;
const escape = 0x7d;
const stuffed: readonly number[] = [0x7e, 0x7d, 0x11, 0x13];

/** Longest body of an answer as it is sent, each byte stuffed. @unit bytes */
const bodyLimit = 2 * (4 + 255 + 1);

export interface ShdlcRequest {
  readonly command: number;
  readonly data: readonly number[];
}

export interface ShdlcAnswer {
  readonly command: number;
  /** 0 when the command was carried out; bit 7 is the device's own error flag (5.1, table 6). */
  readonly state: number;
  readonly data: Uint8Array;
}

function checksum(bytes: Iterable<number>): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return ~sum & 0xff;
}

function framed(body: readonly number[]): Uint8Array {
  const all = [...body, checksum(body)];
  const sent = all.flatMap((byte) => (stuffed.includes(byte) ? [escape, byte ^ 0x20] : [byte]));
  return Uint8Array.of(flag, ...sent, flag);
}

export function encodeRequest({ command, data }: ShdlcRequest): Uint8Array {
  return framed([0, command, data.length, ...data]);
}

/** The inverse of decoding: for simulated devices. */
export function encodeAnswer({ command, state, data }: ShdlcAnswer): Uint8Array {
  return framed([0, command, state, data.length, ...data]);
}

/** A body between flags with its stuffing undone, or undefined when it is not valid. */
export function unstuffed(body: Uint8Array): Uint8Array | undefined {
  const bytes: number[] = [];
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at] ?? 0;
    if (byte !== escape) {
      bytes.push(byte);
      continue;
    }
    at += 1;
    const next = body[at];
    if (next === undefined) return undefined;
    bytes.push(next ^ 0x20);
  }
  const sum = bytes.pop();
  return sum === checksum(bytes) ? Uint8Array.from(bytes) : undefined;
}

function answerOf(body: Uint8Array): ShdlcAnswer | undefined {
  const bytes = unstuffed(body);
  if (bytes === undefined || bytes.length < 4) return undefined;
  const [address, command = 0, state = 0, length] = bytes;
  if (address !== 0 || length !== bytes.length - 4) return undefined;
  return { command, state, data: bytes.slice(4) };
}

/** Cuts a stream into answers; keeps at most one body. */
export class ShdlcReader {
  #body: number[] | undefined;

  get pending(): number {
    return this.#body?.length ?? 0;
  }

  accept(bytes: Uint8Array): { readonly answers: readonly ShdlcAnswer[]; readonly broken: number } {
    const answers: ShdlcAnswer[] = [];
    let broken = 0;
    for (const byte of bytes) {
      if (byte !== flag) {
        if (this.#body !== undefined && this.#body.length < bodyLimit) this.#body.push(byte);
        else this.#body = undefined;
        continue;
      }
      // A flag ends a body and may begin the next: what was between two frames is no answer.
      const answer =
        this.#body === undefined || this.#body.length === 0
          ? undefined
          : answerOf(Uint8Array.from(this.#body));
      if (answer !== undefined) answers.push(answer);
      else if ((this.#body?.length ?? 0) > 0) broken += 1;
      this.#body = [];
    }
    return { answers, broken };
  }
}
