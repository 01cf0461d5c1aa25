/**
 * Frames of sensors that stream: each begins with a fixed head and carries a checksum, and either
 * may also stand inside the data, so that a frame is believed only whole and with its sum right.
 */

/** How frames of one kind of sensor look. */
export interface FrameForm<Values> {
  readonly head: readonly number[];
  /**
   * Length of the frame that begins here, as far as its first bytes tell; undefined: they do not
   * yet; 0: none begins here.
   */
  lengthOf(bytes: Uint8Array): number | undefined;
  /** The values of a whole frame, or undefined when it is not valid. */
  decode(frame: Uint8Array): Values | undefined;
}

/** What a piece of the stream held. */
export interface Cut<Values> {
  readonly frames: readonly Values[];
  /** Frames whose checksum is wrong. */
  readonly broken: number;
}

/** Broken frames in one piece of the stream after which the rest of it is not looked at. */
const brokenLimit = 500;

/** Cuts a stream into frames; keeps less than one frame. */
export class FrameCutter<Values> {
  readonly #form: FrameForm<Values>;
  #kept = new Uint8Array(0);

  constructor(form: FrameForm<Values>) {
    this.#form = form;
  }

  /** Bytes of an unfinished frame. */
  get pending(): number {
    return this.#kept.length;
  }

  accept(bytes: Uint8Array): Cut<Values> {
    const all = new Uint8Array(this.#kept.length + bytes.length);
    all.set(this.#kept);
    all.set(bytes, this.#kept.length);
    const frames: Values[] = [];
    let broken = 0;
    let at = 0;
    while (at < all.length) {
      if (broken >= brokenLimit) at = all.length;
      const rest = all.subarray(at);
      if (!this.#begins(rest)) {
        at += 1;
        continue;
      }
      const length = this.#form.lengthOf(rest);
      if (length === undefined || length > rest.length) break;
      const values = length === 0 ? undefined : this.#form.decode(rest.subarray(0, length));
      if (values !== undefined) frames.push(values);
      else if (length > 0) broken += 1;
      // A broken frame may hold the head of a whole one.
      at += values === undefined ? 1 : length;
    }
    this.#kept = all.slice(at);
    return { frames, broken };
  }

  #begins(bytes: Uint8Array): boolean {
    return this.#form.head.every((byte, index) => index >= bytes.length || bytes[index] === byte);
  }
}
