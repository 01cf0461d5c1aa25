/** A hub's alerts with one notifier, under virtual time: who is told what, also over restarts. */
import type { AlertEvent, Message } from "../../../alerts/notifiers/contract.ts";
import type { Notifiers } from "../../../alerts/index.ts";
import { openNotifiers } from "../../../alerts/index.ts";
import { isRecord } from "../../../telemetry/index.ts";
import { SeededEntropy } from "../../virtual.ts";
import { deviceNamed, Rig } from "../rig.ts";
import { parseNotify } from "../notifiers/rig.ts";

const act = { by: "kim", comment: "" };
/** @unit characters */
export const longestComment = 500;

export class LifeRig extends Rig {
  readonly events: AlertEvent[] = [];
  /** What is told again to a receiver that forgets. */
  stood: readonly AlertEvent[] = [];
  #notify: string;
  #notifiers: Notifiers | undefined;

  constructor(rules: string, notify = "") {
    super(rules);
    this.#notify = `duty: { kind: script, program: x, burst: 1000, per_minute: 1000${notify} }`;
  }

  override async open(): Promise<this> {
    const create = () => ({
      atOnce: 1,
      send: ({ events }: Message) => {
        this.events.push(...events);
        return Promise.resolve();
      },
      standing: {
        every: 60_000,
        tell: (events: readonly AlertEvent[]) => {
          this.stood = events;
          return Promise.resolve();
        },
      },
    });
    const parts = { notify: parseNotify(this.#notify), disk: this.disk, create };
    const platform = { clock: this.clock, entropy: new SeededEntropy(5), log: this.log };
    const notifiers = await openNotifiers(parts, platform);
    this.#notifiers = notifiers;
    this.remember = (transitions) => notifiers.remember(transitions);
    await super.open();
    notifiers.start(() => this.alerts.firing().alerts);
    return this;
  }

  /** As after a stop and a start, some time apart. */
  async restart(apart = 0): Promise<void> {
    await this.close();
    await this.#notifiers?.[Symbol.asyncDispose]();
    await this.clock.advance(apart);
    await this.open();
  }

  /** What was told since the last time: `rule device state`. */
  said(): string[] {
    const all = this.events.splice(0);
    return all.map(({ rule, address, state }) => `${rule} ${address.device} ${state}`);
  }

  async acknowledge(rule: string, device: string): Promise<void> {
    await this.#acted(this.alerts.acts.acknowledge({ rule, where: { device } }, act));
  }

  async shelve(rule: string, device: string, length: number): Promise<void> {
    await this.#acted(this.alerts.acts.shelve({ rule, where: { device } }, { ...act, length }));
  }

  async unshelve(rule: string, device: string): Promise<void> {
    await this.#acted(this.alerts.acts.unshelve({ rule, where: { device } }, act));
  }

  /** The one alert of a device, as its retained payload says it. */
  shown(device: string, deviceClass = "thermal"): Readonly<Record<string, unknown>> {
    const alerts = this.alertsOf(deviceNamed(device, deviceClass));
    const [first]: unknown[] = Array.isArray(alerts) ? alerts : [];
    return isRecord(first) ? first : {};
  }

  /** What the rows of acts say. */
  acts(): unknown[] {
    return this.rows()
      .filter(({ fields }) => fields["act"] !== undefined)
      .map(({ fields, tags }) => [fields["act"], fields["act_by"], tags["rule"], tags["device"]]);
  }

  async #acted(done: Promise<unknown>): Promise<void> {
    await Promise.all([done, this.clock.advance(1000)]);
  }
}
