/**
 * Modbus TCP frames (MODBUS Messaging on TCP/IP V1.0b, "MODBUS-TCP").
 *
 *   0            2            4          6      7
 *   | transaction | protocol 0 | length   | unit | pdu ...           7 + 1..253 bytes
 *                                length counts unit and pdu
 *
 * Replies are matched by transaction; one that comes late belongs to no request and is dropped.
 */
import { GatewayError } from "../../telemetry/index.ts";
import type { Framing } from "./framing.ts";
import { pduLimits } from "./pdu.ts";

const headerBytes = 7;

/** The longest frame. [MODBUS-TCP 3.1.2] */
const frameLimit = headerBytes + pduLimits.bytes;

export interface MbapFrame {
  readonly transaction: number;
  readonly unit: number;
  readonly pdu: Uint8Array;
}

/** The bytes of a frame. [MODBUS-TCP 3.1.3] */
export function encodeMbap({ transaction, unit, pdu }: MbapFrame): Uint8Array {
  const frame = new Uint8Array(headerBytes + pdu.length);
  const length = pdu.length + 1;
  frame.set([transaction >> 8, transaction & 0xff, 0, 0, length >> 8, length & 0xff, unit]);
  frame.set(pdu, headerBytes);
  return frame;
}

/** Cuts a stream of bytes into frames. */
export class MbapReader {
  #kept = new Uint8Array(0);

  /** How many bytes of an unfinished frame wait. */
  get pending(): number {
    return this.#kept.length;
  }

  reset(): void {
    this.#kept = new Uint8Array(0);
  }

  /**
   * The frames that these bytes complete.
   * @throws E_MODBUS_FRAME when the stream is not Modbus TCP: there is no way to resynchronise
   */
  push(bytes: Uint8Array): MbapFrame[] {
    let rest = bytes;
    if (this.#kept.length > 0) {
      rest = new Uint8Array(this.#kept.length + bytes.length);
      rest.set(this.#kept);
      rest.set(bytes, this.#kept.length);
    }
    const frames: MbapFrame[] = [];
    while (rest.length >= headerBytes) {
      const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
      const end = 6 + view.getUint16(4);
      if (view.getUint16(2) !== 0 || end < headerBytes + 1 || end > frameLimit) {
        this.reset();
        throw new GatewayError("E_MODBUS_FRAME", "what came is not a Modbus TCP header");
      }
      if (rest.length < end) break;
      frames.push({
        transaction: view.getUint16(0),
        unit: view.getUint8(6),
        pdu: rest.slice(headerBytes, end),
      });
      rest = rest.subarray(end);
    }
    this.#kept = rest.slice();
    return frames;
  }
}

/** Requests and replies of a TCP connection, one at a time. */
export class TcpFraming implements Framing {
  readonly #reader = new MbapReader();
  #transaction = 0;
  #unit: number | undefined;

  begin(unit: number, pdu: Uint8Array): Uint8Array {
    this.#transaction = (this.#transaction + 1) & 0xffff;
    this.#unit = unit;
    return encodeMbap({ transaction: this.#transaction, unit, pdu });
  }

  accept(bytes: Uint8Array): Uint8Array | undefined {
    let reply: Uint8Array | undefined;
    for (const frame of this.#reader.push(bytes)) {
      const late = this.#unit === undefined || frame.transaction !== this.#transaction;
      if (late || reply !== undefined) continue;
      if (frame.unit !== this.#unit) {
        throw new GatewayError(
          "E_MODBUS_FRAME",
          `unit ${frame.unit} answered for unit ${this.#unit}`,
        );
      }
      reply = frame.pdu;
    }
    return reply;
  }

  end(): boolean {
    this.#unit = undefined;
    return this.#reader.pending > 0;
  }

  reset(): void {
    this.#unit = undefined;
    this.#reader.reset();
  }
}
