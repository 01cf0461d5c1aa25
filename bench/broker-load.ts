/**
 * The load of `bench/broker.ts`, `fan-out.ts`, `access-cost.ts` and `redis-pair.ts`, a process of
 * its own: so many publishers, so many subscribers that hear all of it, one QoS, 200 B. A closed
 * loop: a publisher has at most `window` messages that are not both acknowledged and delivered to
 * all. Packets are encoded once and answers are counted by their size, so that the broker's core is
 * what is full. Argument: what to do, as JSON. Prints what was delivered, and then what was lost.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { v } from "../config/index.ts";

const topic = "rackstreet/v1/local/main/bench/power/pdu-1/telemetry";

const shape = v.object({
  /** Of hubs that are one broker: each has its share of the clients. */
  ports: v.array(v.number()),
  publishers: v.number(),
  subscribers: v.number(),
  qos: v.picklist([0, 1]),
  /** Messages of one publisher under way. */
  window: v.number(),
  seconds: v.number(),
  /** Whether clients log in. */
  login: v.optional(v.boolean(), false),
});

const given: unknown = JSON.parse(process.argv[2] ?? "");
const { ports, publishers, subscribers, qos, window, seconds, login } = v.parse(shape, given);

/** Fixed header (2-byte length), topic, at QoS 1 a packet identifier. @unit bytes */
const headerSize = 3 + 2 + topic.length + 2 * qos;
const messageSize = headerSize + 200;
const idAt = headerSize - 2;

/** What is still under way at the end is waited for this long. @unit s */
const patience = 2;

interface Publisher {
  readonly socket: Socket;
  readonly packet: Buffer;
  /** What each subscriber has of it. */
  readonly delivered: number[];
  /** What all have, and how many subscribers have no more than that. */
  done: number;
  behind: number;
  sent: number;
  acknowledged: number;
}

const all = await Promise.all(Array.from({ length: publishers }, (_, n) => openPublisher(n)));
let deliveries = 0;
let ending = false;
for (let n = 0; n < subscribers; n += 1) await openSubscriber(n);
for (const publisher of all) fill(publisher);
// The first third warms up.
await pause(seconds / 3);
const from = { at: performance.now(), deliveries, cpu: process.cpuUsage() };
console.log("measuring");
await pause(seconds);
const took = (performance.now() - from.at) / 1000;
const heard = deliveries - from.deliveries;
const { user, system } = process.cpuUsage(from.cpu);
ending = true;
const busy = (user + system) / 1e6 / took;
console.log(JSON.stringify({ rate: Math.round(heard / took), deliveries: heard, busy }));
console.log(JSON.stringify({ lost: await lost() }));
process.exit(0);

async function openPublisher(n: number): Promise<Publisher> {
  const socket = await open(`publisher-${n}`, "edge", ports[n % ports.length]);
  const packet = Buffer.alloc(messageSize, n);
  const length = messageSize - 3;
  packet.set([0x30 | (qos << 1), (length & 0x7f) | 0x80, length >> 7, 0, topic.length], 0);
  packet.write(topic, 5);
  if (qos > 0) packet.writeUInt16BE(1, idAt);
  const delivered = Array<number>(subscribers).fill(0);
  const start = { done: 0, behind: subscribers, sent: 0, acknowledged: 0 };
  const publisher = { socket, packet, delivered, ...start };
  let bytes = 0;
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    publisher.acknowledged = Math.floor(bytes / 4);
    fill(publisher);
  });
  return publisher;
}

function fill(publisher: Publisher): void {
  const done = qos === 0 ? publisher.done : Math.min(publisher.acknowledged, publisher.done);
  const free = window - (publisher.sent - done);
  if (free <= 0 || ending) return;
  publisher.sent += free;
  publisher.socket.write(Buffer.concat(Array<Buffer>(free).fill(publisher.packet)));
}

async function openSubscriber(n: number): Promise<void> {
  const socket = await open(`subscriber-${n}`, "city", ports[n % ports.length]);
  const filter = Buffer.from(`\0${String.fromCharCode(topic.length)}${topic}`);
  const subscribe = Buffer.from([0x82, filter.length + 3, 0, 1, ...filter, qos]);
  socket.write(subscribe);
  await once(socket, "data");
  let carry = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const bytes = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk;
    const whole = Math.floor(bytes.length / messageSize);
    const answers = Buffer.allocUnsafe(whole * 4 * qos);
    for (let at = 0, answer = 0; at < whole * messageSize; at += messageSize, answer += 4) {
      if (qos > 0) answers.set([0x40, 2, bytes[at + idAt] ?? 0, bytes[at + idAt + 1] ?? 0], answer);
      const publisher = all[bytes[at + headerSize] ?? 0];
      if (publisher !== undefined) count(publisher, n);
    }
    carry = Buffer.from(bytes.subarray(whole * messageSize));
    deliveries += whole;
    if (answers.length > 0) socket.write(answers);
    for (const publisher of all) fill(publisher);
  });
}

/** A delivery to the subscriber `n`. */
function count(publisher: Publisher, n: number): void {
  const { delivered } = publisher;
  const before = delivered[n] ?? 0;
  delivered[n] = before + 1;
  if (before > publisher.done) return;
  publisher.behind -= 1;
  if (publisher.behind > 0) return;
  publisher.done = Math.min(...delivered);
  publisher.behind = delivered.filter((one) => one === publisher.done).length;
}

async function open(id: string, user: string, port = 0): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  const secret = login ? [user, `pw-${user}`] : [];
  const fields = [id, ...secret].map((text) => `\0${String.fromCharCode(text.length)}${text}`);
  const head = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, login ? 0xc2 : 2, 0, 60]);
  const payload = Buffer.concat([head, Buffer.from(fields.join(""))]);
  socket.write(Buffer.concat([Buffer.from([0x10, payload.length]), payload]));
  await once(socket, "data");
  return socket;
}

/** Deliveries that do not come. */
async function lost(): Promise<number> {
  const due = subscribers * all.reduce((sum, { sent }) => sum + sent, 0);
  const until = performance.now() + patience * 1000;
  for (;;) {
    if (deliveries >= due || performance.now() > until) return due - deliveries;
    await pause(0.01);
  }
}

function pause(length: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, length * 1000));
}
