/** What is done to a publish on its way: one refused is led elsewhere, a `set` is signed. */
import type { Log } from "../telemetry/index.ts";
import { decodeSetRequest, encodeSetRequest } from "../telemetry/index.ts";
import type { HubClient } from "./client.ts";
import type { PublishOptions } from "./contract.ts";

/** A publish as aedes takes it. */
export interface Publish {
  topic: string;
  payload: string | Buffer;
  retain: boolean;
}

/** A publish as aedes hands it over. */
export interface GivenPublish extends Publish {
  readonly qos: number;
  dup: boolean;
  /** Packet identifier; none at QoS 0. */
  readonly messageId?: number | undefined;
}

interface OwnPublish extends Publish {
  readonly cmd: "publish";
  readonly qos: 0 | 1;
  readonly dup: false;
}

/** Where refused publishes end. Only an admin's `$SYS/#` matches; `authorizeForward` stops it. */
export const nowhere = "$SYS/refused";

/** Leads a refused publish elsewhere; PUBACK needs only its packet identifier and QoS. */
export function lead(packet: Publish, topic: string): void {
  packet.topic = topic;
  packet.payload = Buffer.alloc(0);
  packet.retain = false;
}

/** A publish of the hub itself. */
export function packetOf(
  topic: string,
  payload: string | Uint8Array,
  { qos = 0, retain = false }: PublishOptions,
): OwnPublish {
  return { cmd: "publish", topic, payload: Buffer.from(payload), qos, retain, dup: false };
}

/** A request to set something says who asks, and is never kept for who comes later. */
export function sign(packet: Publish, { publisher, peer }: HubClient, log: Log): void {
  packet.retain = false;
  const by = publisher.user === "" ? publisher.id : publisher.user;
  const payload = Buffer.from(packet.payload);
  const { topic } = packet;
  log.info("set request", { topic, by, remote: peer.remote });
  const decoded = decodeSetRequest(payload);
  if ("ok" in decoded) packet.payload = Buffer.from(encodeSetRequest({ ...decoded.ok, by }));
}
