/**
 * The agent's link to a broker, and the only door to MQTT.js. MQTT.js remembers nothing for us:
 * each connection is a client of its own with a clean session, so that the spool stays the only
 * memory of what is unsent. Reconnects with exponential back-off and jitter for ever.
 */
import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { IClientOptions, MqttClient } from "mqtt";
import mqtt from "mqtt";
import type { Address, MqttVersion } from "../config/index.ts";
import { addressText } from "../config/index.ts";
import type { Platform, Timer } from "../telemetry/index.ts";
import { GatewayError, messageOf, retryDelay } from "../telemetry/index.ts";
import type { BrokerBounds } from "./link-reasons.ts";
import { boundsOf, reasonText, refusalOf, refusesVersion, Turnstile } from "./link-reasons.ts";
import type { UplinkOptions } from "./options.ts";

export interface Message {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly retain: boolean;
  /** 1 when left out. At 0 a message may be lost with the link. */
  readonly qos?: 0 | 1 | undefined;
  /** After this time nobody should hear it any more; a broker of MQTT 5 sees to that. @unit ms */
  readonly expires?: number | undefined;
}

export interface TextMessage extends Message {
  readonly payload: string;
}

/** What a link tells its owner. */
export interface UplinkEvents {
  /** Connected and subscribed. */
  up(): void;
  /** Was up, is no more. */
  down(): void;
  /** An attempt to connect failed; the next one follows by itself. */
  failed?(error: unknown): void;
  /** One at a time: the next comes, and this one is acknowledged, once the promise resolves. */
  message(topic: string, payload: Uint8Array, retained?: boolean): Promise<void> | void;
}

export interface Uplink extends AsyncDisposable {
  /**
   * Publishes at QoS 1; resolves when the broker has taken it, which says nothing of the store.
   * At QoS 0 it resolves when the socket has taken it, and may never once the link is down.
   * @throws E_UPLINK when the link is down or goes down meanwhile; E_ACCESS when a broker of
   *   MQTT 5 refuses it
   */
  publish(message: Message): Promise<void>;
}

export interface UplinkTarget {
  readonly url: Address;
  readonly clientId: string;
  /** Asked for anew with each connection, where it is a function. */
  readonly will?: Message | (() => Message) | undefined;
  /** Takes leave in the end, so that the broker keeps the will to itself. */
  readonly orderly?: boolean | undefined;
  readonly subscribe: readonly string[];
}

/** How to enter the broker and how to keep the link alive. */
export type LinkOptions = Partial<
  Pick<UplinkOptions, "username" | "password" | "ca" | "cert" | "key">
> &
  Pick<UplinkOptions, "keepalive"> & { readonly mqtt?: MqttVersion | undefined };

export interface UplinkParts {
  readonly events: UplinkEvents;
  readonly platform: Platform;
  /** Opens the connection below MQTT; left out, it is made to the target's address. */
  readonly dial?: () => Duplex;
}

const retryPolicy = { first: 500, longest: 60_000 };
const connectTimeout = 10_000;
/** @unit ms */
const leaveWait = 1000;

/** What a broker of 3.1.1 takes, for all it says. */
const unbounded: BrokerBounds = {
  window: 65_535,
  packet: Number.POSITIVE_INFINITY,
  retains: true,
};

/** What of a PUBLISH is beside topic, payload and our client identifier, at most. @unit bytes */
const besideMessage = 64;

const jsonPayload = { payloadFormatIndicator: true, contentType: "application/json" } as const;

/** QoS 1 publishes that we take from a broker before the first is acknowledged. */
const receiveMaximum = 64;

function bytesOf(payload: string | Uint8Array): Buffer {
  return typeof payload === "string" ? Buffer.from(payload) : Buffer.from(payload);
}

function willOf({ will }: UplinkTarget): Message | undefined {
  return typeof will === "function" ? will() : will;
}

/** Opens a link that keeps itself up; events come until it is disposed. */
export function openUplink(target: UplinkTarget, options: LinkOptions, parts: UplinkParts): Uplink {
  return new MqttUplink(target, options, parts);
}

class MqttUplink implements Uplink {
  readonly #target: UplinkTarget;
  readonly #options: LinkOptions;
  readonly #events: UplinkEvents;
  readonly #platform: Platform;
  readonly #dial: (() => Duplex) | undefined;
  #client: MqttClient | undefined;
  #up = false;
  #attempt = 0;
  #refusal: string | undefined;
  #version: 4 | 5;
  #bounds = unbounded;
  #turnstile = new Turnstile(unbounded.window);
  /** Whether it was said on this connection that a publish was refused. */
  #complained = false;
  #retry: Timer | undefined;
  #closed = false;

  constructor(target: UplinkTarget, options: LinkOptions, parts: UplinkParts) {
    this.#target = target;
    this.#options = options;
    this.#events = parts.events;
    this.#platform = parts.platform;
    this.#dial = parts.dial;
    this.#version = (options.mqtt ?? "3.1.1") === "3.1.1" ? 4 : 5;
    this.#connect();
  }

  async publish(message: Message): Promise<void> {
    const { topic, qos = 1 } = message;
    const client = this.#client;
    if (!this.#up || client === undefined) throw new GatewayError("E_UPLINK", "the link is down");
    const turnstile = this.#turnstile;
    if (qos > 0) await turnstile.enter();
    try {
      await this.#send(client, message);
    } catch (cause) {
      const refusal = refusalOf(cause);
      if (refusal !== undefined) throw this.#refused(topic, refusal);
      throw new GatewayError("E_UPLINK", `${topic}: ${messageOf(cause)}`, { cause });
    } finally {
      if (qos > 0) turnstile.leave();
    }
  }

  async #send(client: MqttClient, { topic, payload, retain, qos = 1, expires }: Message) {
    const bytes = bytesOf(payload);
    const { packet, retains } = this.#bounds;
    // It would end the link, and come again with the next.
    const { clientId } = this.#target;
    if (topic.length + bytes.length + clientId.length + besideMessage > packet) {
      throw this.#refused(topic, `larger than the ${packet} bytes that it takes`);
    }
    const five = {
      // Payloads of text are JSON, all of them.
      ...(typeof payload === "string" ? jsonPayload : {}),
      ...(expires === undefined ? {} : { messageExpiryInterval: Math.ceil(expires / 1000) }),
      // A broker tells subscribers nothing of who published.
      userProperties: { from: clientId },
    };
    const properties = this.#version === 5 ? { properties: five } : {};
    await client.publishAsync(topic, bytes, { qos, retain: retain && retains, ...properties });
  }

  /** Said once a connection: the same is refused again and again. */
  #refused(topic: string, why: string): GatewayError {
    const error = new GatewayError("E_ACCESS", `${topic}: the broker refuses it: ${why}`);
    if (!this.#complained) {
      this.#platform.log.warn("publish refused", { code: error.code, why: error.message });
    }
    this.#complained = true;
    return error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    const client = this.#client;
    const leaves = this.#target.orderly === true && this.#up;
    this.#client = undefined;
    this.#up = false;
    if (client === undefined) return;
    if (leaves) await this.#takeLeave(client);
    await client.endAsync(true);
  }

  /** Sends DISCONNECT; what waits for its acknowledgement has a moment. */
  async #takeLeave(client: MqttClient): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#platform.clock.after(leaveWait, resolve);
    client.end(false, {}, () => resolve());
    await promise;
    timer.cancel();
  }

  #connect(): void {
    const { subscribe } = this.#target;
    let client: MqttClient;
    try {
      client = this.#open();
    } catch (error) {
      this.#lost(error);
      return;
    }
    this.#client = client;
    // Else a small message waits up to 40 ms behind another for the other side's delayed ACK.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    let failure: unknown;
    client.on("error", (error) => {
      failure = refusedBy(error, this.#options) ?? error;
    });
    client.handleMessage = ({ topic, payload, retain }, done): void => {
      const room = this.#events.message(topic, Buffer.from(payload), retain);
      if (room === undefined) done();
      else void room.finally(() => done());
    };
    client.on("close", () => {
      if (this.#client === client) this.#lost(failure);
      client.end(true);
    });
    client.on("disconnect", ({ reasonCode = 0, properties }) => {
      const why = `the broker ended the link: ${reasonText(reasonCode, properties?.reasonString)}`;
      failure = new GatewayError("E_UPLINK", why);
    });
    client.on("connect", (connack) => {
      this.#bounds = this.#version === 5 ? boundsOf(connack) : unbounded;
      this.#turnstile = new Turnstile(this.#bounds.window);
      this.#complained = false;
      const granted =
        subscribe.length === 0
          ? Promise.resolve()
          : client.subscribeAsync([...subscribe], { qos: 1 });
      granted.then(
        () => this.#connected(client),
        (cause: unknown) => {
          const refused = this.#version === 5 ? messageOf(cause) : othersUser;
          const why = `the broker refuses ${subscribe.join(", ")}: ${refused}`;
          failure = new GatewayError("E_ACCESS", why, { cause });
          client.end(true);
        },
      );
    });
  }

  #open(): MqttClient {
    const { url, clientId } = this.#target;
    const will = willOf(this.#target);
    const { username, password, ca, cert, key, keepalive } = this.#options;
    const options: IClientOptions = {
      clientId,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: password.reveal() }),
      ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
      ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
      ...(key === undefined ? {} : { key: readFileSync(key) }),
      ...(will === undefined
        ? {}
        : { will: { ...will, payload: bytesOf(will.payload), qos: will.qos ?? 1 } }),
      keepalive: Math.max(1, Math.round(keepalive / 1000)),
      protocolVersion: this.#version,
      ...(this.#version === 5 ? { properties: { receiveMaximum } } : {}),
      clean: true,
      reconnectPeriod: 0,
      connectTimeout,
      queueQoSZero: false,
      resubscribe: false,
      rejectUnauthorized: true,
    };
    const dial = this.#dial;
    if (dial === undefined) return mqtt.connect(addressText(url), options);
    return new mqtt.MqttClient(() => dial(), options);
  }

  #connected(client: MqttClient): void {
    if (this.#client !== client || this.#closed) return;
    this.#up = true;
    this.#attempt = 0;
    this.#platform.log.info("uplink connected", { url: addressText(this.#target.url) });
    this.#events.up();
  }

  #lost(failure: unknown): void {
    this.#client = undefined;
    if (this.#closed) return;
    if (this.#version === 5 && this.#options.mqtt === "auto" && refusesVersion(failure)) {
      this.#version = 4;
      this.#connect();
      return;
    }
    const url = addressText(this.#target.url);
    const why = failure === undefined ? undefined : messageOf(failure);
    // A refusal needs a person; all else is said once.
    const refused = failure instanceof GatewayError && failure.code === "E_ACCESS";
    if (this.#up || this.#attempt === 0 || (refused && why !== this.#refusal)) {
      this.#platform.log.warn("uplink lost", { code: "E_UPLINK", url, why });
    }
    this.#refusal = refused ? why : undefined;
    if (this.#up) {
      this.#up = false;
      this.#events.down();
    } else {
      this.#events.failed?.(failure ?? new GatewayError("E_UPLINK", `${url}: no answer`));
    }
    this.#attempt += 1;
    const wait = retryDelay(retryPolicy, this.#attempt, this.#platform.entropy);
    this.#retry = this.#platform.clock.after(wait, () => this.#connect());
  }
}

const othersUser = "its user is for another site or agent";

/**
 * CONNACK 2 and 5 (of version 5: 0x85 to 0x87) say no more than that [MQTT-3.2.2-5]; the rest is
 * what mostly is behind it.
 */
function refusedBy(error: Error, { cert }: LinkOptions): GatewayError | undefined {
  const code = "code" in error ? error.code : undefined;
  if (code !== 2 && code !== 5 && code !== 0x85 && code !== 0x86 && code !== 0x87) return undefined;
  if (code === 2 || code === 0x85) {
    const why = `the broker refuses this client identifier: ${othersUser}`;
    return new GatewayError("E_ACCESS", why, { cause: error });
  }
  const why =
    cert === undefined
      ? "the hub does not know this user or its password"
      : "the hub does not take this agent's certificate: it was revoked or replaced, or is not " +
        "known there; `rackstreet enroll` with a new token gets another";
  return new GatewayError("E_ACCESS", why, { cause: error });
}
