/**
 * How many QoS 1 and 2 publishes a client takes before it has acknowledged some [MQTT5 4.9]: what
 * is more waits here, in order. What waits counts against what may wait for the client at all.
 */

interface Held {
  readonly id: number;
  readonly pieces: readonly Buffer[];
}

export class Window {
  readonly #size: number;
  readonly #send: (pieces: readonly Buffer[]) => void;
  readonly #open = new Set<number>();
  #held: Held[] = [];
  #bytes = 0;

  constructor(size: number, send: (pieces: readonly Buffer[]) => void) {
    this.#size = size;
    this.#send = send;
  }

  /** What waits. @unit bytes */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sends a publish with this packet identifier, now or once there is room. */
  offer(id: number, pieces: readonly Buffer[]): void {
    if (this.#open.size < this.#size) {
      this.#open.add(id);
      this.#send(pieces);
      return;
    }
    this.#held.push({ id, pieces });
    this.#bytes += sizeOf(pieces);
  }

  /** The client has acknowledged one, or does not want it. */
  close(id: number): void {
    this.#open.delete(id);
    while (this.#open.size < this.#size) {
      const next = this.#held.shift();
      if (next === undefined) return;
      this.#bytes -= sizeOf(next.pieces);
      this.#open.add(next.id);
      this.#send(next.pieces);
    }
  }
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
