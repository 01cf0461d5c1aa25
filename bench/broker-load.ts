/**
 * The load of `bench/broker.ts`, a process of its own: 20 publishers, one subscriber, QoS 1, 200 B.
 * A closed loop: a publisher has at most `window` messages that are not both acknowledged and
 * delivered. Packets are encoded once and answers are counted by their size, so that the broker's
 * core is what is full. Arguments: port, seconds, and a word when clients shall log in
 * (`access-cost.ts`). Prints deliveries per second. Several ports, as `1,2`: each has its share of
 * the publishers, and a subscriber to all of them (`redis-pair.ts`).
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

const publishers = 20;
const window = 20;
const topic = "rackstreet/v1/local/main/bench/power/pdu-1/telemetry";

/** Fixed header (2-byte length), topic, packet identifier. @unit bytes */
const headerSize = 3 + 2 + topic.length + 2;
const messageSize = headerSize + 200;
const idAt = headerSize - 2;

interface Publisher {
  readonly socket: Socket;
  readonly packet: Buffer;
  sent: number;
  acknowledged: number;
  /** To each subscriber. */
  readonly delivered: number[];
}

const ports = (process.argv[2] ?? "").split(",").map(Number);
const seconds = Number(process.argv[3] ?? 2);
const login = process.argv[4] !== undefined;
const all = await Promise.all(Array.from({ length: publishers }, (_, n) => openPublisher(n)));
let deliveries = 0;
for (const subscriber of ports.keys()) await openSubscriber(subscriber);
for (const publisher of all) fill(publisher);
// The first third warms up.
await pause(seconds / 3);
const from = { at: performance.now(), deliveries };
console.log("measuring");
await pause(seconds);
const rate = (deliveries - from.deliveries) / ((performance.now() - from.at) / 1000);
console.log(JSON.stringify({ rate: Math.round(rate), deliveries: deliveries - from.deliveries }));
process.exit(0);

async function openPublisher(n: number): Promise<Publisher> {
  const socket = await open(`publisher-${n}`, "edge", ports[n % ports.length]);
  const packet = Buffer.alloc(messageSize, n);
  const length = messageSize - 3;
  packet.set([0x32, (length & 0x7f) | 0x80, length >> 7, 0, topic.length], 0);
  packet.write(topic, 5);
  packet.writeUInt16BE(1, idAt);
  const publisher = { socket, packet, sent: 0, acknowledged: 0, delivered: ports.map(() => 0) };
  let bytes = 0;
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    publisher.acknowledged = Math.floor(bytes / 4);
    fill(publisher);
  });
  return publisher;
}

function fill(publisher: Publisher): void {
  const done = Math.min(publisher.acknowledged, ...publisher.delivered);
  const free = window - (publisher.sent - done);
  if (free <= 0) return;
  publisher.sent += free;
  publisher.socket.write(Buffer.concat(Array<Buffer>(free).fill(publisher.packet)));
}

async function openSubscriber(subscriber: number): Promise<void> {
  const socket = await open(`subscriber-${subscriber}`, "city", ports[subscriber]);
  const filter = Buffer.from(`\0${String.fromCharCode(topic.length)}${topic}\x01`);
  socket.write(Buffer.concat([Buffer.from([0x82, filter.length + 2, 0, 1]), filter]));
  await once(socket, "data");
  let carry = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const bytes = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk;
    const whole = Math.floor(bytes.length / messageSize);
    const answers = Buffer.allocUnsafe(whole * 4);
    for (let n = 0; n < whole; n += 1) {
      const at = n * messageSize;
      answers.set([0x40, 2, bytes[at + idAt] ?? 0, bytes[at + idAt + 1] ?? 0], n * 4);
      const delivered = all[bytes[at + headerSize] ?? 0]?.delivered;
      if (delivered !== undefined) delivered[subscriber] = (delivered[subscriber] ?? 0) + 1;
    }
    carry = Buffer.from(bytes.subarray(whole * messageSize));
    deliveries += whole;
    socket.write(answers);
    for (const publisher of all) fill(publisher);
  });
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

function pause(length: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, length * 1000));
}
