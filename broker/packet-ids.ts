/**
 * Packet identifiers in one direction of one client: each is in use from the PUBLISH that it is
 * given to until that is acknowledged [MQTT-2.3.1-4]. aedes counts up from a random number,
 * whatever is still on its way.
 */

/** Identifiers are 1 to this [MQTT-2.3.1-1]. */
const most = 65_535;

export class PacketIds {
  /** A bit each: 8 KiB. */
  readonly #used = new Uint8Array((most + 1) / 8);
  #count = 0;
  #last = 0;

  /** One that is not in use; undefined when all are. */
  next(): number | undefined {
    if (this.#count >= most) return undefined;
    do this.#last = (this.#last % most) + 1;
    while (this.#isUsed(this.#last));
    this.hold(this.#last);
    return this.#last;
  }

  hold(id: number): void {
    if (id < 1 || id > most || this.#isUsed(id)) return;
    this.#flip(id);
    this.#count += 1;
  }

  release(id: number): void {
    if (id < 1 || id > most || !this.#isUsed(id)) return;
    this.#flip(id);
    this.#count -= 1;
  }

  #isUsed(id: number): boolean {
    return ((this.#used[id >> 3] ?? 0) & (1 << (id & 7))) !== 0;
  }

  #flip(id: number): void {
    this.#used[id >> 3] = (this.#used[id >> 3] ?? 0) ^ (1 << (id & 7));
  }
}
