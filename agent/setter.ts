/**
 * Sets on devices what is asked for over MQTT: only what the configuration allows by name, only
 * before it expires, one at a time on a device, and never twice. Each is in the spool as an event
 * before it is sent to the device, and once more with its outcome: who asked is known even if the
 * agent is killed in between.
 *
 * Bounds: `maxWaiting` requests a device; the newest `maxKnown` ids are remembered.
 */
import type { Actuator, Setting, SetReport } from "../drivers/index.ts";
import type { Fields, Platform, SetOutcome, SetRequest, SetResult } from "../telemetry/index.ts";
import type { DeviceAddress, Site } from "../telemetry/index.ts";
import { decodeSetRequest, encodeSetResult, GatewayError, quality } from "../telemetry/index.ts";
import { messageOf, topicOf, topicRoot } from "../telemetry/index.ts";
import type { TextMessage } from "./uplink.ts";

/** A device on which something may be set. */
export interface Settable {
  readonly address: DeviceAddress;
  readonly actuator: Pick<Actuator, "set">;
  /** What may be set. */
  readonly settings: readonly Setting[];
}

export interface SetterParts {
  readonly devices: readonly Settable[];
  /** Makes an event of a device durable. */
  readonly record: (address: DeviceAddress, fields: Fields) => Promise<void>;
  readonly send: (message: TextMessage) => void;
  readonly platform: Platform;
}

const maxWaiting = 8;
const maxKnown = 1000;
/** Nobody may ask for something to be done later than this. @unit ms */
const longestExpiry = 10 * 60_000;
/** A device that takes longer is given up. @unit ms */
const patience = 30_000;

interface Known extends Settable {
  /** Ends when the newest request of the device has ended. */
  last: Promise<void>;
  waiting: number;
}

/** What came of a request. */
interface Ended {
  readonly outcome: SetOutcome;
  readonly shown?: number | undefined;
  readonly error?: GatewayError | undefined;
}

export class Setter {
  readonly #parts: SetterParts;
  readonly #devices: ReadonlyMap<string, Known>;
  /** By request id; undefined while it is under way. */
  readonly #answers = new Map<string, TextMessage | undefined>();
  readonly #began: number;
  readonly #closing = new AbortController();

  constructor(parts: SetterParts) {
    this.#parts = parts;
    this.#began = parts.platform.clock.now();
    this.#devices = new Map(
      parts.devices.map((device) => [
        topicOf(device.address, "set"),
        { ...device, last: Promise.resolve(), waiting: 0 },
      ]),
    );
  }

  /** What to subscribe to: one filter, since a client may have few. */
  filters({ region, org, site }: Site): readonly string[] {
    return this.#devices.size === 0 ? [] : [`${topicRoot}/${region}/${org}/${site}/+/+/set`];
  }

  /** Takes a message; false: it is no request. */
  take(topic: string, payload: Uint8Array, retained: boolean): boolean {
    const device = this.#devices.get(topic);
    if (device === undefined) return topic.endsWith("/set");
    const decoded = decodeSetRequest(payload);
    const { log } = this.#parts.platform;
    if (retained || "problem" in decoded) {
      const why = "problem" in decoded ? decoded.problem : "it was retained: nobody asks now";
      log.warn("set request refused", { code: "E_SET_REFUSED", topic, why });
      return true;
    }
    const request = decoded.ok;
    const key = keyOf(device, request);
    if (this.#answers.has(key)) {
      const answer = this.#answers.get(key);
      if (answer !== undefined) this.#parts.send(answer);
      return true;
    }
    this.#remember(key);
    if (device.waiting >= maxWaiting) {
      this.#end(device, request, refused("too many requests wait for this device"));
      return true;
    }
    device.waiting += 1;
    device.last = device.last
      .then(() => this.#carryOut(device, request))
      .finally(() => (device.waiting -= 1));
    return true;
  }

  /** Waits for what is under way; nothing more is begun. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#devices.values()].map(({ last }) => last));
  }

  #remember(key: string): void {
    this.#answers.set(key, undefined);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > maxKnown && oldest !== undefined) this.#answers.delete(oldest);
  }

  async #carryOut(device: Known, request: SetRequest): Promise<void> {
    const refusal = this.#refusal(device, request);
    this.#end(device, request, refusal ?? (await this.#attempt(device, request)));
  }

  #end(device: Known, request: SetRequest, ended: Ended): void {
    const { id, setting, value } = request;
    const { log, clock } = this.#parts.platform;
    const { outcome, shown, error } = ended;
    const [code, why] = [error?.code ?? "none", error?.message ?? ""];
    log.info("set request ended", { device: device.address.device, setting, value, outcome, code });
    const result: SetResult = { id, setting, value, outcome, shown, code, why, time: clock.now() };
    const topic = topicOf(device.address, "result");
    const answer = { topic, payload: encodeSetResult(result), retain: false };
    const key = keyOf(device, request);
    if (this.#answers.has(key)) this.#answers.set(key, answer);
    this.#parts.send(answer);
  }

  #refusal(device: Known, request: SetRequest): Ended | undefined {
    const { setting, value, time, expires } = request;
    const now = this.#parts.platform.clock.now();
    const known = device.settings.find(({ name }) => name === setting);
    if (known === undefined) {
      const allowed = device.settings.map(({ name }) => name).join(", ");
      return refused(`${setting} may not be set here; allowed: ${allowed}`);
    }
    const [low, high] = known.range;
    if (value < low || value > high) return refused(`${setting} is ${low} to ${high}`);
    if (expires > now + longestExpiry) return refused("it expires too late: 10 minutes at most");
    // Which requests were carried out before this start is not remembered.
    if (time < this.#began) return refused("it was asked for before the agent began");
    if (expires > now && !this.#closing.signal.aborted) return undefined;
    return { outcome: "expired", error: new GatewayError("E_SET_EXPIRED", "it came too late") };
  }

  async #attempt(device: Known, request: SetRequest): Promise<Ended> {
    const { setting, value, id, by = "" } = request;
    const fields = { setting, set_ratio: value, set_by: `${by} ${id}`.trim(), q: quality.good };
    const { record, platform } = this.#parts;
    const limit = new AbortController();
    const timer = platform.clock.after(patience, () => limit.abort());
    let ended: Ended;
    try {
      await record(device.address, { ...fields, set_outcome: "accepted" });
      ended = endedOf(await device.actuator.set(setting, value, limit.signal));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      ended = { outcome: "failed", error };
    } finally {
      timer.cancel();
    }
    await record(device.address, { ...fields, set_outcome: ended.outcome }).catch((error) => {
      platform.log.error("outcome not recorded", { why: messageOf(error) });
    });
    return ended;
  }
}

function keyOf({ address }: Settable, { id }: SetRequest): string {
  return `${address.device} ${id}`;
}

function refused(why: string): Ended {
  return { outcome: "refused", error: new GatewayError("E_SET_REFUSED", why) };
}

function endedOf(report: SetReport): Ended {
  if (report.outcome === "done") return { outcome: "done", shown: report.shown };
  return { outcome: "unknown", error: report.error };
}
