/**
 * The contract of a notifier: it brings one message to where people look and knows nothing else.
 * Queue, rate, retries, deadline and counters are `delivery.ts`'s. Adding one: its file here, one
 * line in `registry.ts`, and the exam in `test/contract/notifier.ts`.
 */
import type { DeviceAddress, Place, Platform, Tags } from "../../telemetry/index.ts";
import type { Face } from "../groups.ts";

/** One alert that began to fire or is over. */
export interface AlertEvent extends Face {
  /** The same when it is told again. */
  readonly id: string;
  /** Which alert: the same for its beginning and its end. */
  readonly key: string;
  readonly state: "firing" | "resolved";
  readonly rule: string;
  readonly address: DeviceAddress;
  readonly place: Place;
  /** The tags that tell it from other alerts of its rule and device. */
  readonly channel: Tags;
  readonly value?: number | undefined;
  /** When it began to fire. @unit ms since 1970-01-01 UTC */
  readonly since: number;
  /** When it began to fire, or was over. @unit ms since 1970-01-01 UTC */
  readonly time: number;
  /** When the queue took it. @unit ms since 1970-01-01 UTC */
  readonly queued: number;
}

/** What a notifier sends at once. */
export interface Message {
  /** The same when it is sent again, as after a crash. */
  readonly id: string;
  readonly kind: "alert" | "summary" | "test";
  /** @unit ms since 1970-01-01 UTC */
  readonly time: number;
  readonly events: readonly AlertEvent[];
  /** Events that there was no room for. */
  readonly leftOut: number;
}

export interface Notifier {
  /** Events that one message may hold without being a summary. */
  readonly atOnce: number;
  /**
   * Sends one message; resolves when the other side has taken it.
   * @throws E_NOTIFY, E_CERTIFICATE, E_LOGIN, E_SECRET_MISSING, E_PROGRAM_MISSING: tried again;
   *   E_NOTIFY_REFUSED: this message never
   */
  send(message: Message, signal: AbortSignal): Promise<void>;
  /** Of receivers that forget what they are not told again. */
  readonly standing?: Standing;
}

export interface Standing {
  /** How often what is firing is told again. @unit ms */
  readonly every: number;
  /** Tells what is firing, at most `atOnce` events. @throws as `send` */
  tell(events: readonly AlertEvent[], signal: AbortSignal): Promise<void>;
}

/** What a notifier is given to run. */
export type NotifierPlatform = Pick<Platform, "clock">;
