/** Which bytes of a segment are no record: damage between records, and a tail behind the last. */

/** A run of bytes. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** Gathers what lies between and behind the records of a segment, as it is read. */
export class Spans {
  readonly damage: Span[] = [];
  #gap: { readonly offset: number; end: number; used: number } | undefined;

  gap(offset: number, bytes: Buffer): void {
    this.#gap ??= { offset, end: offset, used: offset };
    this.#gap.end = offset + bytes.length;
    if (isZero(bytes)) return;
    this.#gap.used = offset + bytes.findLastIndex((byte) => byte !== 0) + 1;
  }

  record(): void {
    if (this.#gap === undefined) return;
    const { offset, end } = this.#gap;
    this.damage.push({ offset, length: end - offset });
    this.#gap = undefined;
  }

  /** What stands behind the last record, less the zeros at its end. */
  get torn(): Span | undefined {
    if (this.#gap === undefined) return undefined;
    const { offset, used } = this.#gap;
    return used === offset ? undefined : { offset, length: used - offset };
  }
}

const zeros = Buffer.alloc(512 * 1024);

function isZero(bytes: Buffer): boolean {
  return bytes.equals(zeros.subarray(0, bytes.length));
}
