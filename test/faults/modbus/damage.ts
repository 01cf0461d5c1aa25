/**
 * What a wire does to a frame. Bits are flipped as the CRC must find it: one to three anywhere, or
 * a burst of up to 16 (CRC-16 misses one in 65,536 of what is worse). Lost and added bytes and
 * collisions are worse, and are played too.
 */
import type { Entropy } from "../../../telemetry/index.ts";

export class Damage {
  readonly #entropy: Entropy;

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  corrupt(frame: Uint8Array): Uint8Array {
    const at = this.#below(frame.length);
    switch (this.#below(5)) {
      case 0:
        return this.#flipped(frame);
      case 1:
        return this.#burst(frame);
      case 2:
        return frame.slice(0, at);
      case 3:
        return Uint8Array.from([...frame.subarray(0, at), ...frame.subarray(at + 1)]);
      default:
        return Uint8Array.from([...frame.subarray(0, at), this.#below(256), ...frame.subarray(at)]);
    }
  }

  /** Two units speak at once: a bit is low when one of them says so. */
  collide(one: Uint8Array, other: Uint8Array): Uint8Array {
    const shift = this.#below(3);
    return one.map((byte, at) => byte & (other[at - shift] ?? 0xff));
  }

  split(frame: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < frame.length;) {
      const end = at + 1 + this.#below(frame.length);
      pieces.push(frame.slice(at, end));
      at = end;
    }
    return pieces;
  }

  noise(): Uint8Array {
    return Uint8Array.from({ length: this.#below(6) }, () => this.#below(256));
  }

  #flipped(frame: Uint8Array): Uint8Array {
    const damaged = frame.slice();
    const bits = new Set(
      Array.from({ length: 1 + this.#below(3) }, () => this.#below(8 * frame.length)),
    );
    for (const bit of bits) damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return damaged;
  }

  #burst(frame: Uint8Array): Uint8Array {
    const damaged = frame.slice();
    const at = this.#below(frame.length - 1);
    damaged[at] = (damaged[at] ?? 0) ^ (1 + this.#below(255));
    damaged[at + 1] = (damaged[at + 1] ?? 0) ^ this.#below(256);
    return damaged;
  }

  #below(limit: number): number {
    return Math.floor(this.#entropy.random() * limit);
  }
}
