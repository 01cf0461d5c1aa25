/**
 * Packets of MQTT 3.1.1 as the broker library writes them, put together from its pieces: a first
 * byte, a length, and for a PUBLISH topic, packet identifier and last its payload, the very buffer
 * that was published, in a piece of its own even when it is empty.
 */
import { variableAt } from "./properties.ts";

export interface Whole {
  readonly first: number;
  /** Of a PUBLISH, topic and packet identifier alone. */
  readonly body: Buffer;
  /** Of a PUBLISH. */
  readonly payload?: Buffer;
}

const publish = 3;

export class Pieces {
  #head = Buffer.alloc(0);

  /** Takes a piece; gives the packet that it ends. */
  add(piece: Buffer): Whole | undefined {
    const begun = partsOf(this.#head);
    if (begun?.complete === true) {
      this.#head = Buffer.alloc(0);
      return { first: begun.first, body: begun.body, payload: piece };
    }
    this.#head = Buffer.concat([this.#head, piece]);
    const now = partsOf(this.#head);
    if (now?.complete !== true || now.first >> 4 === publish) return undefined;
    this.#head = Buffer.alloc(0);
    return now;
  }
}

interface Parts {
  readonly first: number;
  readonly body: Buffer;
  /** All but a payload is there. */
  readonly complete: boolean;
}

function partsOf(head: Buffer): Parts | undefined {
  const first = head[0];
  const length = variableAt(head, 1);
  if (first === undefined || length === undefined) return undefined;
  const body = head.subarray(length.end);
  if (first >> 4 !== publish) return { first, body, complete: body.length >= length.value };
  if (body.length < 2) return undefined;
  const wanted = 2 + body.readUInt16BE(0) + ((first & 6) === 0 ? 0 : 2);
  return { first, body, complete: body.length >= wanted };
}
