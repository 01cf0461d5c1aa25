/**
 * Renews the agent's certificate over its own link, once two thirds of its life are over: each
 * agent at a time of its own, so that those that were enrolled together do not come together. The
 * wall clock is looked at again and again, for it may jump; the hub's clock has the last word.
 */
import type { Disk, Platform, Timer } from "../../telemetry/index.ts";
import { decodeCertified, encodeEnrol, GatewayError, messageOf } from "../../telemetry/index.ts";
import { nextKey, ownValidity, pendingKey, takeCertificate } from "./identity.ts";
import { keyName, requestFor } from "./request.ts";

export interface RenewalParts {
  readonly agent: string;
  /** The agent's folder. */
  readonly disk: Disk;
  /** Sends a request to the hub. @throws E_UPLINK when the link is down */
  readonly send: (payload: string) => Promise<void>;
  readonly platform: Platform;
}

/** Of a certificate's life, before and after which part it is renewed. */
const due = { from: 0.62, to: 0.7 } as const;
/** Between two looks, at most. @unit ms */
const lookEvery = 3_600_000;
/** Looks in the life of a certificate, at least. */
const looks = 100;

export class Renewal implements Disposable {
  readonly #parts: RenewalParts;
  /** Of its life: when this agent comes. */
  readonly #share: number;
  #timer: Timer | undefined;
  #complaint = "";

  constructor(parts: RenewalParts) {
    this.#parts = parts;
    this.#share = due.from + (due.to - due.from) * parts.platform.entropy.random();
    this.#schedule(0);
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Takes the hub's answer. */
  async take(payload: Uint8Array): Promise<void> {
    const { disk, platform } = this.#parts;
    const answer = decodeCertified(payload);
    const key = await pendingKey(disk);
    if (answer === undefined || key === undefined) return;
    if (answer.key !== keyName(key) && answer.key !== "") return;
    if ("refused" in answer) return this.#complain(`${answer.refused}; ${answer.remedy}`);
    const { until } = await takeCertificate(disk, key, answer);
    this.#complaint = "";
    platform.log.info("certificate renewed", { until: new Date(until).toISOString() });
  }

  #schedule(wait: number): void {
    this.#timer = this.#parts.platform.clock.after(wait, () => void this.#look());
  }

  async #look(): Promise<void> {
    let wait = lookEvery;
    try {
      wait = await this.#renew();
    } catch (error) {
      this.#complain(messageOf(error));
    }
    if (this.#timer !== undefined) this.#schedule(wait);
  }

  /** Asks for a new one if it is time; how long until the next look. @unit ms */
  async #renew(): Promise<number> {
    const { agent, disk, platform, send } = this.#parts;
    const validity = await ownValidity(disk);
    if (validity === undefined) return lookEvery;
    const { from, until } = validity;
    const now = platform.clock.now();
    if (now >= from + (until - from) * this.#share) {
      await send(encodeEnrol(requestFor(agent, await nextKey(disk))));
      if (now >= until) {
        throw new GatewayError("E_CERTIFICATE", "the agent's certificate has expired: enrol again");
      }
    }
    return Math.min(lookEvery, (until - from) / looks);
  }

  /** Each reason once. */
  #complain(why: string): void {
    if (why === this.#complaint) return;
    this.#complaint = why;
    this.#parts.platform.log.warn("certificate not renewed", { why });
  }
}
