/**
 * What the devices of one driver share: the wire of an address or a bus is made for the first of
 * them and ends with the last.
 */
import { GatewayError } from "../../telemetry/index.ts";

export interface Lease<Thing> {
  readonly thing: Thing;
  /** Gives it back; calling it again is harmless. */
  readonly release: () => Promise<void>;
}

/** Whose wire it is. */
export interface Tenant {
  readonly key: string;
  /** The bus that brings its settings. */
  readonly bus: string | undefined;
}

interface Shared<Thing> {
  readonly thing: Thing;
  readonly bus: string | undefined;
  users: number;
}

export class Leases<Thing extends AsyncDisposable> implements AsyncDisposable {
  /** By key; bounded by the devices of the configuration. */
  readonly #shared = new Map<string, Shared<Thing>>();

  /** @throws E_CONFIG for one wire by two buses */
  lease({ key, bus }: Tenant, make: () => Thing): Lease<Thing> {
    const shared = this.#shared.get(key) ?? { thing: make(), bus, users: 0 };
    if (shared.bus !== bus) {
      throw new GatewayError("E_CONFIG", `buses "${shared.bus}" and "${bus}" name the same port`);
    }
    shared.users += 1;
    this.#shared.set(key, shared);
    let released: Promise<void> | undefined;
    return { thing: shared.thing, release: () => (released ??= this.#giveBack(key, shared)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#shared.values()];
    this.#shared.clear();
    await Promise.all(all.map(({ thing }) => thing[Symbol.asyncDispose]()));
  }

  async #giveBack(key: string, shared: Shared<Thing>): Promise<void> {
    shared.users -= 1;
    if (shared.users > 0) return;
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
    await shared.thing[Symbol.asyncDispose]();
  }
}
