/**
 * What waits to be written to one client. The broker library hands packets over in pieces of a
 * few bytes; they leave together, once a turn of the event loop. Above the soft limit whole QoS 0
 * publishes are dropped (a subscriber that asked for QoS 0 asked for that); at the hard limit the
 * client is to be cut, so that one frozen subscriber costs a bounded memory and nobody's time.
 * Retained messages, sent at a SUBSCRIBE, may be many and hold up nobody else: above the soft
 * limit they are asked to wait.
 */

/** Small pieces are copied together up to this size. @unit bytes */
const joinUpTo = 65_536;

export interface EgressLimits {
  /** From here on QoS 0 publishes are dropped. @unit bytes */
  readonly soft: number;
  /** What may wait at most. @unit bytes */
  readonly hard: number;
}

/** `wait`: taken, and no more retained messages now. `over`: the client is to be cut. */
export type Offered = "taken" | "wait" | "over";

export class Egress {
  readonly #limits: EgressLimits;
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Place in the current packet: its first byte, its length bytes, its body. */
  #at: "first" | "length" | "body" = "first";
  #left = 0;
  #shift = 1;
  #dropping = false;
  #retained = false;
  #dropped = 0;

  constructor(limits: EgressLimits) {
    this.#limits = limits;
  }

  /** QoS 0 publishes dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What was offered and not taken yet. @unit bytes */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a piece, `waiting` bytes being under way already. */
  offer(piece: Buffer, waiting: number): Offered {
    let from = 0;
    while (from < piece.length) {
      const end = this.#advance(piece, from, waiting + this.#bytes);
      if (!this.#dropping) this.#keep(piece, from, end);
      from = end;
    }
    const all = waiting + this.#bytes;
    if (all > this.#limits.hard) return "over";
    return this.#retained && all > this.#limits.soft ? "wait" : "taken";
  }

  /** All that waits, joined into few buffers. */
  take(): Buffer[] {
    const pieces = this.#pieces;
    const total = this.#bytes;
    this.#pieces = [];
    this.#bytes = 0;
    if (pieces.length < 2) return pieces;
    return total <= joinUpTo ? [Buffer.concat(pieces, total)] : joined(pieces);
  }

  #keep(piece: Buffer, from: number, end: number): void {
    this.#pieces.push(from === 0 && end === piece.length ? piece : piece.subarray(from, end));
    this.#bytes += end - from;
  }

  /** Moves on to the end of the piece or of the packet part that begins at `from`. */
  #advance(piece: Buffer, from: number, waiting: number): number {
    const byte = piece[from] ?? 0;
    if (this.#at === "body") {
      const end = Math.min(piece.length, from + this.#left);
      this.#left -= end - from;
      if (this.#left === 0) this.#at = "first";
      return end;
    }
    if (this.#at === "first") {
      // PUBLISH: type 3, bit 0 retained, bits 1 and 2 QoS.
      this.#retained = (byte & 0xf1) === 0x31;
      this.#dropping = (byte & 0xf7) === 0x30 && waiting > this.#limits.soft;
      if (this.#dropping) this.#dropped += 1;
      this.#at = "length";
      this.#left = 0;
      this.#shift = 1;
      return from + 1;
    }
    this.#left += (byte & 0x7f) * this.#shift;
    this.#shift *= 128;
    if (byte < 0x80) this.#at = this.#left === 0 ? "first" : "body";
    return from + 1;
  }
}

/** Runs of small pieces become one buffer; large ones stay as they are, shared, not copied. */
function joined(pieces: readonly Buffer[]): Buffer[] {
  const out: Buffer[] = [];
  let run: Buffer[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (run.length > 0) out.push(Buffer.concat(run, bytes));
    run = [];
    bytes = 0;
  };
  for (const piece of pieces) {
    if (bytes + piece.length > joinUpTo) flush();
    if (piece.length >= joinUpTo) out.push(piece);
    else {
      run.push(piece);
      bytes += piece.length;
    }
  }
  flush();
  return out;
}
