/** A hub on a free port of this machine, and clients of it that nobody here wrote (MQTT.js). */
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import type { IClientOptions, MqttClient } from "mqtt";
import { connectAsync } from "mqtt";
import { vi } from "vitest";
import type { Publisher } from "../../broker/client.ts";
import type { Hub, HubHooks } from "../../broker/contract.ts";
import { startHub } from "../../broker/hub.ts";
import { brokerOptions } from "../../broker/options.ts";
import { v } from "../../config/index.ts";
import { realPlatform } from "./platform.ts";
import { connackOk, connect } from "./wire.ts";

export interface Seen {
  readonly topic: string;
  readonly payload: string;
  readonly client: Publisher;
}

export interface Running extends AsyncDisposable {
  readonly hub: Hub;
  readonly url: string;
  readonly port: number;
  /** What the hub's `message` hook was given. */
  readonly seen: Seen[];
  connect(options?: IClientOptions): Promise<MqttClient>;
  /** A connection of bare bytes, logged in when `hello` is given. */
  socket(hello?: Buffer): Promise<Socket>;
}

export const site = { region: "local", org: "main", site: "hall" };

export async function running(
  options: Record<string, unknown> = {},
  hooks: Partial<HubHooks> = {},
  platform = realPlatform,
): Promise<Running> {
  const seen: Seen[] = [];
  const given = v.parse(brokerOptions, { listen: ["mqtt://127.0.0.1:0"], ...options });
  const all: HubHooks = {
    site,
    message: (topic, payload, client) => {
      seen.push({ topic, payload: Buffer.from(payload).toString(), client });
    },
    room: () => undefined,
    ...hooks,
  };
  const hub = await startHub(given, platform, all);
  const [url = ""] = hub.addresses;
  const port = Number(url.split(":").at(-1));
  const clients: MqttClient[] = [];
  const sockets: Socket[] = [];
  return {
    hub,
    url,
    port,
    seen,
    async connect(options = {}) {
      const client = await connectAsync(url, { reconnectPeriod: 0, ...options }, false);
      clients.push(client);
      return client;
    },
    async socket(hello) {
      const socket = connectSocket({ host: "127.0.0.1", port });
      sockets.push(socket);
      socket.on("error", () => undefined);
      if (hello !== undefined) await hail(socket, hello);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      for (const client of clients) await client.endAsync(true);
      await hub[Symbol.asyncDispose]();
    },
  };
}

/** Says CONNECT and waits for the yes. */
export async function hail(socket: Socket, hello: Buffer = connect()): Promise<void> {
  const heard = hearing(socket);
  socket.write(hello);
  await vi.waitFor(() => {
    if (!heard().includes(connackOk)) throw new Error("no CONNACK yet");
  });
}

/** All that the socket received from now on. */
export function hearing(socket: Socket): () => Buffer {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks);
}

/** The messages that a client receives from now on, as `topic payload`. */
export function inbox(client: MqttClient): string[] {
  const messages: string[] = [];
  client.on("message", (topic, payload) => messages.push(`${topic} ${payload.toString()}`));
  return messages;
}
