/**
 * What hubs say to each other, several things in one message:
 *
 *     0        4          8
 *     ┌────────┬──────────┬───────────────┬─────────┐
 *     │ u32 BE │  u32 BE  │ head, as JSON │ payload │   again and again
 *     │ head   │ payload  │               │         │
 *     └────────┴──────────┴───────────────┴─────────┘
 *
 * A payload is carried as it is, and a hub skips what it said itself without reading it.
 */
import { v } from "../../config/index.ts";
import { jsonOf } from "../keep/packets.ts";
import type { Riders } from "../mqtt5/index.ts";
import type { Packet } from "../session-queue.ts";

/** A publish, or something that hubs alone say. */
export type Told =
  | {
      readonly kind: "publish";
      readonly packet: Packet;
      /** When it was made, of one that is told late. @unit ms since 1970-01-01 UTC */
      readonly at?: number | undefined;
    }
  | { readonly kind: "subscriptions"; readonly topic: string; readonly body: string }
  | { readonly kind: "book"; readonly client: string; readonly entry: string | null };

/**
 * In short names: topic, QoS, retained, number, client identifier, time; of MQTT 5, properties in
 * base64 and until when.
 */
const head = v.variant("k", [
  v.object({
    k: v.literal("p"),
    t: v.string(),
    q: v.picklist([0, 1, 2]),
    r: v.optional(v.literal(1)),
    c: v.number(),
    i: v.optional(v.string()),
    a: v.optional(v.number()),
    p: v.optional(v.string()),
    u: v.optional(v.number()),
  }),
  v.object({ k: v.literal("s"), t: v.string(), b: v.string() }),
  v.object({ k: v.literal("b"), c: v.string(), e: v.nullable(v.string()) }),
]);
type Head = v.InferInput<typeof head>;

const none = Buffer.alloc(0);
const lengths = 8;

export function encodeRecord(told: Told, riders: Riders): Buffer {
  const { fields, payload } = partsOf(told, riders);
  const text = Buffer.from(JSON.stringify(fields));
  const record = Buffer.allocUnsafe(lengths + text.length + payload.length);
  record.writeUInt32BE(text.length, 0);
  record.writeUInt32BE(payload.length, 4);
  record.set(text, lengths);
  record.set(payload, lengths + text.length);
  return record;
}

function partsOf(
  told: Told,
  riders: Riders,
): { readonly fields: Head; readonly payload: Uint8Array } {
  if (told.kind === "subscriptions") {
    return { fields: { k: "s", t: told.topic, b: told.body }, payload: none };
  }
  if (told.kind === "book") {
    return { fields: { k: "b", c: told.client, e: told.entry }, payload: none };
  }
  const {
    topic: t = "",
    payload = none,
    retain,
    clientId: i,
    qos,
    brokerCounter: c = 0,
  } = told.packet;
  const q = qos === 1 || qos === 2 ? qos : 0;
  const r = retain === true ? ({ r: 1 } as const) : {};
  const rider = riders.of(told.packet.payload);
  const rides = rider && { p: rider.properties.toString("base64"), u: rider.until };
  return {
    fields: { k: "p", t, q, ...r, c, ...(i === undefined ? {} : { i }), a: told.at, ...rides },
    payload: typeof payload === "string" ? Buffer.from(payload) : payload,
  };
}

/** What was told by `node`; what is cut or another version's is left out. */
export function* decodeRecords(bytes: Uint8Array, node: string, riders: Riders): Generator<Told> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + lengths <= all.length) {
    const from = at + lengths;
    const middle = from + all.readUInt32BE(at);
    at = middle + all.readUInt32BE(at + 4);
    if (at > all.length) return;
    const parsed = v.safeParse(head, jsonOf(all.toString("utf8", from, middle)));
    if (!parsed.success) continue;
    const payload = all.subarray(middle, at);
    const said = parsed.output;
    if (said.k === "p" && said.p !== undefined) {
      riders.seat(payload, { properties: Buffer.from(said.p, "base64"), until: said.u });
    }
    yield toldOf(said, payload, node);
  }
}

function toldOf(said: v.InferOutput<typeof head>, payload: Buffer, brokerId: string): Told {
  if (said.k === "s") return { kind: "subscriptions", topic: said.t, body: said.b };
  if (said.k === "b") return { kind: "book", client: said.c, entry: said.e };
  const packet: Packet = {
    cmd: "publish",
    topic: said.t,
    payload,
    qos: said.q,
    retain: said.r === 1,
    dup: false,
    brokerId,
    brokerCounter: said.c,
    ...(said.i === undefined ? {} : { clientId: said.i }),
  };
  return { kind: "publish", packet, at: said.a };
}
