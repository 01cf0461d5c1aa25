/**
 * Packet identifiers in one direction of one client: each is in use from the PUBLISH that it is
 * given to until that is acknowledged [MQTT-2.3.1-4]. aedes counts up from a random number,
 * whatever is still on its way.
 */

/** Identifiers are 1 to this [MQTT-2.3.1-1]. */
const most = 65_535;

export class PacketIds {
  /** Those in use, at most all: mostly a few, so that a client costs little. */
  readonly #used = new Set<number>();
  #last = 0;

  /** One that is not in use; undefined when all are. */
  next(): number | undefined {
    if (this.#used.size >= most) return undefined;
    do this.#last = (this.#last % most) + 1;
    while (this.#used.has(this.#last));
    this.#used.add(this.#last);
    return this.#last;
  }

  hold(id: number): void {
    if (id >= 1 && id <= most) this.#used.add(id);
  }

  release(id: number): void {
    this.#used.delete(id);
  }
}

/** Those in use by clients without a session; each client's end with its connection. */
export class FlyingIds<Client extends object> {
  readonly #of = new WeakMap<Client, PacketIds>();

  /** One that the client does not have; undefined when it has all. */
  next(client: Client): number | undefined {
    const ids = this.#of.get(client) ?? new PacketIds();
    this.#of.set(client, ids);
    return ids.next();
  }

  release(client: Client, id: number): void {
    this.#of.get(client)?.release(id);
  }
}
