/**
 * A connection to somebody else's MQTT broker, to hear what devices say there: the drivers' door to
 * MQTT.js (the agent's own link to its hub is another). MQTT 3.1.1, QoS 0, clean session, nothing
 * queued; a connection lives once, and who needs it opens another.
 */
import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import type { IClientOptions, MqttClient } from "mqtt";
import mqtt from "mqtt";
import type { Address, Secret } from "../../config/index.ts";
import { addressText } from "../../config/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";

export interface MqttServer {
  readonly url: Address;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  /** File with the certificates to trust instead of the system's. */
  readonly ca: string | undefined;
  readonly clientId: string;
}

export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** It was said some time before we came. */
  readonly retained: boolean;
}

export interface MqttEvents {
  readonly message: (message: MqttMessage) => void;
  /** It has ended, not by us. */
  readonly broken: (error: GatewayError) => void;
}

export interface MqttLink {
  /** @throws E_LOGIN when the broker refuses one of them, E_DISCONNECTED */
  subscribe(filters: readonly string[]): Promise<void>;
  /** Best effort: what still comes is not asked for. */
  unsubscribe(filters: readonly string[]): void;
  close(): Promise<void>;
}

const connectTimeout = 10_000;

/** @unit s */
const keepalive = 30;

/** Largest packet: far more than an uplink, far less than MQTT's 256 MB. @unit bytes */
export const packetLimit = 1024 * 1024;

/**
 * Connects; aborting gives the attempt up.
 * @throws E_CONNECT, E_LOGIN, E_CONFIG
 */
export function connectMqtt(
  server: MqttServer,
  events: MqttEvents,
  signal: AbortSignal,
): Promise<MqttLink> {
  const name = addressText(server.url);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(givenUp(name));
    const client = mqtt.connect(name, optionsOf(server));
    let connected = false;
    let closing = false;
    let failure: unknown;
    const giveUp = (): void => {
      client.end(true);
      reject(givenUp(name));
    };
    signal.addEventListener("abort", giveUp, { once: true });
    client.on("error", (error) => {
      failure = error;
      // A refusal ends the client without a `close`.
      if (!connected) end();
    });
    client.handleMessage = ({ topic, payload, retain }, done): void => {
      if (!closing) events.message({ topic, payload: Buffer.from(payload), retained: retain });
      // Not at once: a broker that floods must leave the loop to others between two messages.
      setImmediate(done);
    };
    guard(client);
    const end = (): void => {
      signal.removeEventListener("abort", giveUp);
      client.end(true);
      if (closing) return;
      if (connected) events.broken(lost(name, failure));
      else reject(refused(name, failure));
    };
    client.on("close", end);
    client.on("connect", () => {
      signal.removeEventListener("abort", giveUp);
      connected = true;
      const close = async (): Promise<void> => {
        closing = true;
        await client.endAsync(true);
      };
      resolve(linkOf(client, name, close));
    });
  });
}

/** @throws E_CONFIG when the file of certificates cannot be read, E_SECRET_MISSING */
function optionsOf({ user, password, ca, clientId }: MqttServer): IClientOptions {
  return {
    clientId,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(ca === undefined ? {} : { ca: certificates(ca) }),
    keepalive,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout,
    queueQoSZero: false,
    resubscribe: false,
    rejectUnauthorized: true,
  };
}

function certificates(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new GatewayError("E_CONFIG", `ca: ${path}: ${messageOf(cause)}`, { cause });
  }
}

function linkOf(client: MqttClient, name: string, close: () => Promise<void>): MqttLink {
  return {
    async subscribe(filters) {
      try {
        await client.subscribeAsync([...filters], { qos: 0 });
      } catch (cause) {
        if (!client.connected) throw lost(name, cause);
        const why = `${name}: refuses to be heard on ${filters.join(", ")}`;
        throw new GatewayError("E_LOGIN", why, { cause });
      }
    },
    unsubscribe(filters) {
      client.unsubscribe([...filters], () => undefined);
    },
    close,
  };
}

function givenUp(name: string): GatewayError {
  return new GatewayError("E_CONNECT", `${name}: connecting was given up`);
}

function lost(name: string, cause: unknown): GatewayError {
  const why = cause === undefined ? "the broker hung up" : messageOf(cause);
  return new GatewayError("E_DISCONNECTED", `${name}: ${why}`, { cause });
}

/** CONNACK return codes of a broker that does not want us. [MQTT-3.2.2-5, table 3.1] */
const unwanted: readonly unknown[] = [4, 5];

function refused(name: string, cause: unknown): GatewayError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const why = cause === undefined ? "no answer" : messageOf(cause);
  const login = unwanted.includes(code);
  return new GatewayError(login ? "E_LOGIN" : "E_CONNECT", `${name}: ${why}`, { cause });
}

/** Hangs up before a packet is collected that no uplink can be. */
function guard(client: MqttClient): void {
  const { stream } = client;
  if (stream instanceof Socket) stream.setNoDelay(true);
  const lengths = new PacketLengths();
  stream.on("data", (bytes: Uint8Array) => {
    if (lengths.accept(bytes) > packetLimit) stream.destroy(new Error("a packet is too large"));
  });
}

/** Reads the lengths of packets out of a stream of them. [MQTT-3.1.1 2.2.3] */
export class PacketLengths {
  /** Bytes of the packet's body still to come; undefined while its header is read. */
  #left: number | undefined;
  /** Bytes of the header read. */
  #header = 0;
  #length = 0;

  /** The longest body that is announced in these bytes. */
  accept(bytes: Uint8Array): number {
    let longest = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#left !== undefined && this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at);
        this.#left -= skipped;
        at += skipped;
        continue;
      }
      this.#left = undefined;
      longest = Math.max(longest, this.#read(bytes[at] ?? 0));
      at += 1;
    }
    return longest;
  }

  /** Takes a byte of a header; gives the length once it is known. */
  #read(byte: number): number {
    if (this.#header > 0) this.#length += (byte & 0x7f) * 128 ** (this.#header - 1);
    const last = this.#header > 0 && ((byte & 0x80) === 0 || this.#header === 4);
    if (!last) {
      this.#header += 1;
      return 0;
    }
    const length = this.#length;
    this.#left = length;
    this.#header = 0;
    this.#length = 0;
    return length;
  }
}
