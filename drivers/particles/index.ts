/**
 * Particle sensors on a serial line or behind a serial server: Plantower PMS5003 and its family and
 * Nova SDS011, which stream, and Sensirion SPS30, which is asked.
 */
import type { DriverContext, Origin, Session, Target } from "../contract.ts";
import { defineDriver } from "../contract.ts";
import { Audiences } from "../transport/audience.ts";
import { HearingSession } from "../transport/hearing.ts";
import { openWire, wireEndpoint, wireKey } from "../transport/wire.ts";
import type { ParticleField, Values } from "./fields.ts";
import { placeOf } from "./fields.ts";
import type { Cut } from "./frames.ts";
import { ShdlcLine } from "./line.ts";
import type { ParticlesOptions } from "./options.ts";
import { particlesOptions, particlesOptionsSchema } from "./options.ts";
import { plantower } from "./plantower.ts";
import { Sps30Session } from "./polled.ts";
import { sds011 } from "./sds011.ts";
import { framesOver, particleEar } from "./streamed.ts";

/** What each sensor measures, and at which byte of its frame. */
const layouts: Readonly<
  Record<ParticlesOptions["sensor"], readonly (readonly [field: ParticleField, at: number])[]>
> = {
  pms5003: [
    ["pm1_ugm3", 10],
    ["pm25_ugm3", 12],
    ["pm10_ugm3", 14],
  ],
  sds011: [
    ["pm25_ugm3", 2],
    ["pm10_ugm3", 4],
  ],
  sps30: [
    ["pm1_ugm3", 5],
    ["pm25_ugm3", 9],
    ["pm4_ugm3", 13],
    ["pm10_ugm3", 17],
  ],
};

const forms = { pms5003: plantower, sds011 } as const;

export const particles = defineDriver({
  name: "particles",
  about: "Fine dust: Plantower PMS5003, Nova SDS011, Sensirion SPS30 on a serial line.",
  options: particlesOptions,
  parse: particlesOptionsSchema,
  create: (context) => new Particles(context),
});

class Particles {
  readonly #context: DriverContext;
  readonly #audiences = new Audiences<Cut<Values>>();
  readonly #lines = new Map<string, { readonly line: ShdlcLine; users: number }>();

  constructor(context: DriverContext) {
    this.#context = context;
  }

  busKey({ options }: Target<ParticlesOptions, unknown>): string {
    return wireKey(options, this.#context.buses);
  }

  // Async, so that what is wrong with the options rejects.
  async open({ id, options }: Target<ParticlesOptions, unknown>): Promise<Session> {
    const key = wireKey(options, this.#context.buses);
    const { sensor } = options;
    if (sensor === "sps30") return this.#polled(key, options);
    const { clock, buses } = this.#context;
    const open = (signal: AbortSignal) => openWire(options, buses, signal);
    return new HearingSession<Cut<Values>>({
      name: `${id} at ${key}`,
      audience: this.#audiences.of(
        `${sensor} ${key}`,
        framesOver(open, { form: forms[sensor], clock }),
      ),
      mark: {},
      clock,
      silence: options.silence,
      ear: (heard) => particleEar({ clock, ...options }, heard),
      origin: () => this.#origin(options),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const lines = [...this.#lines.values()];
    this.#lines.clear();
    await Promise.all(lines.map(({ line }) => line[Symbol.asyncDispose]()));
    await this.#audiences[Symbol.asyncDispose]();
  }

  #polled(key: string, options: ParticlesOptions): Session {
    const { clock, buses } = this.#context;
    const open = (signal: AbortSignal) => openWire(options, buses, signal);
    const shared = this.#lines.get(key) ?? { line: new ShdlcLine(key, open, { clock }), users: 0 };
    shared.users += 1;
    this.#lines.set(key, shared);
    const release = async (): Promise<void> => {
      shared.users -= 1;
      if (shared.users > 0) return;
      if (this.#lines.get(key) === shared) this.#lines.delete(key);
      await shared.line[Symbol.asyncDispose]();
    };
    const { channel } = options;
    const origin = this.#origin(options);
    return new Sps30Session({ line: shared.line, release, clock, channel, origin });
  }

  #origin(options: ParticlesOptions): Origin {
    const { sensor, channel } = options;
    const endpoint = wireEndpoint(options, this.#context.buses);
    const sources = layouts[sensor].map(([field, at]) => placeOf(field, at, channel));
    return { endpoint: { ...endpoint, sensor }, sources };
  }
}
