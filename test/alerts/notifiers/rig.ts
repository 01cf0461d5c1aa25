/** Notifiers under virtual time, with receivers that a test can break. */
import type { ActiveAlert, Transition } from "../../../alerts/index.ts";
import type { Notifiers, NotifierOptions } from "../../../alerts/index.ts";
import { notifyOptions, openNotifiers } from "../../../alerts/index.ts";
import type { AlertEvent, Message } from "../../../alerts/notifiers/contract.ts";
import { validate, YamlFile } from "../../../config/index.ts";
import type { Clock } from "../../../telemetry/index.ts";
import { KeptLog, MemoryDisk, SeededEntropy, VirtualClock } from "../../virtual.ts";
import { deviceNamed } from "../rig.ts";

export function parseNotify(source: string): Readonly<Record<string, NotifierOptions>> {
  return validate(notifyOptions, new YamlFile("notify.yaml", source));
}

export function transition(device: string, to: Transition["to"], time = 0): Transition {
  return {
    rule: "rack-hot",
    about: "Rack inlet above the recommended range",
    severity: "warning",
    unit: "°C",
    threshold: 27,
    address: deviceNamed(device),
    place: { rack: "r1" },
    tags: { device, sensor: "inlet" },
    from: to === "firing" ? "inactive" : "firing",
    to,
    time,
    value: 28.5,
  };
}

export function activeOf(of: Transition, state: ActiveAlert["state"] = "firing"): ActiveAlert {
  const { rule, about, severity, unit, threshold, address, value, time } = of;
  const face = { rule, about, severity, unit, threshold, address, value };
  return { ...face, state, since: time, channel: { sensor: "inlet" } };
}

export class NotifierRig {
  readonly clock = new VirtualClock();
  readonly disk = new MemoryDisk();
  readonly log = new KeptLog();
  readonly got: Message[] = [];
  readonly stood: (readonly AlertEvent[])[] = [];
  /** What the receiver answers with, while it is set. */
  failure: Error | undefined;
  /** It takes connections and says nothing. */
  hangs = false;
  atOnce = 1;
  standsEvery: number | undefined;
  readonly #entropy = new SeededEntropy();
  #source: string;
  #notifiers: Notifiers | undefined;
  #life = { over: false };
  #active: ActiveAlert[] = [];

  constructor(source = "") {
    this.#source = `duty:\n  kind: script\n  program: x\n${source}`;
  }

  /** As after an edit of the configuration. */
  edit(source: string): void {
    this.#source = `duty:\n  kind: script\n  program: x\n${source}`;
  }

  get notifiers(): Notifiers {
    if (this.#notifiers === undefined) throw new Error("the rig is not open");
    return this.#notifiers;
  }

  get duty(): Notifiers["counts"][string] {
    const { duty } = this.notifiers.counts;
    if (duty === undefined) throw new Error("nobody is on duty");
    return duty;
  }

  /** `active` is what the alerts say themselves; it follows what is told. */
  async open(active: ActiveAlert[] = []): Promise<this> {
    this.#active = active;
    const life = { over: false };
    this.#life = life;
    const clock: Clock = {
      now: () => this.clock.now(),
      monotonic: () => this.clock.monotonic(),
      after: (ms, run) => this.clock.after(ms, () => (life.over ? undefined : run())),
    };
    const answer = (): Promise<void> =>
      this.failure === undefined ? Promise.resolve() : Promise.reject(this.failure);
    const create = () => ({
      atOnce: this.atOnce,
      send: (message: Message) => {
        if (life.over || this.hangs) return new Promise<void>(() => undefined);
        if (this.failure === undefined) this.got.push(message);
        return answer();
      },
      ...(this.standsEvery === undefined
        ? {}
        : {
            standing: {
              every: this.standsEvery,
              tell: (events: readonly AlertEvent[]) => {
                this.stood.push(events);
                return answer();
              },
            },
          }),
    });
    const parts = { notify: parseNotify(this.#source), disk: this.disk, create };
    this.#notifiers = await openNotifiers(parts, { clock, entropy: this.#entropy, log: this.log });
    this.#notifiers.start(() => active);
    await this.clock.advance(0);
    return this;
  }

  async tell(...transitions: readonly Transition[]): Promise<void> {
    for (const one of transitions) {
      const { device } = one.address;
      const at = this.#active.findIndex((known) => known.address.device === device);
      if (one.to === "resolved" && at >= 0) this.#active.splice(at, 1);
      if (one.to === "firing" && at < 0) this.#active.push(activeOf(one));
    }
    await this.notifiers.remember(transitions);
    await this.clock.advance(0);
  }

  /** The process is gone: nothing of it happens any more. */
  crash(): void {
    this.#life.over = true;
  }

  async close(): Promise<void> {
    await this.notifiers[Symbol.asyncDispose]();
  }

  /** `DEVICE STATE` of all that arrived, a line a message. */
  said(): string[] {
    return this.got.map(({ events }) =>
      events.map(({ address, state }) => `${address.device} ${state}`).join(", "),
    );
  }
}
