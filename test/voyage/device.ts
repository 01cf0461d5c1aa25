/**
 * The devices of a voyage: each reading has a value of its own, so that a row in the store tells
 * which reading it is. A device fails now and then, and falls silent: it answers nothing until the
 * poller gives it up.
 */
import type { AgentDevice } from "../../agent/index.ts";
import type { Session } from "../../drivers/index.ts";
import type { Clock, Site } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Chance } from "./chance.ts";
import type { SimProcess } from "./process.ts";

export class Devices {
  readonly ids = ["a", "b", "c"] as const;
  /** What was given, by value. */
  readonly given = new Map<number, { readonly device: string; readonly time: number }>();
  readonly #silentUntil = new Map<string, number>();
  readonly #site: Site;
  readonly #clock: Clock;
  readonly #chance: Chance;
  #value = 0;

  constructor(site: Site, clock: Clock, chance: Chance) {
    this.#site = site;
    this.#clock = clock;
    this.#chance = chance;
  }

  /** One of them answers nothing for a while. */
  silence(ms: number): void {
    const id = this.ids[this.#chance.whole(0, this.ids.length - 1)];
    if (id !== undefined) this.#silentUntil.set(id, this.#clock.monotonic() + ms);
  }

  open(process: SimProcess): AgentDevice[] {
    return this.ids.map((id) => this.#device(id, process));
  }

  #device(id: string, process: SimProcess): AgentDevice {
    return {
      address: { ...this.#site, class: "power", device: id },
      place: { rack: "r1" },
      driver: "voyage",
      profile: undefined,
      vendor: undefined,
      model: undefined,
      interval: 1000,
      busKey: id,
      session: {
        groups: [{ name: "default", every: undefined }],
        read: (_groups, signal) => this.#read(id, process, signal),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
    };
  }

  #read(id: string, process: SimProcess, signal: AbortSignal): ReturnType<Session["read"]> {
    const silent = (this.#silentUntil.get(id) ?? 0) > this.#clock.monotonic();
    if (silent) {
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new GatewayError("E_CONNECT", "silent")));
      });
    }
    return process.call(this.#chance.whole(1, 50), () => {
      if (this.#chance.chance(0.02)) throw new GatewayError("E_CONNECT", "gone");
      this.#value += 1;
      this.given.set(this.#value, { device: id, time: this.#clock.now() });
      const fields = { active_power_w: this.#value, q: 0 };
      return { points: [{ measurement: "energy_meter", fields }], faults: [] };
    });
  }
}
