/**
 * The load of `bench/chain.ts`, a process of its own: four agents' connections that publish
 * batches in our wire format at QoS 1, retained and numbered, as agents do. A closed loop: at most
 * `window` batches are not reported stored. Messages are made before and only their numbers and
 * times are written in, so that this process costs little. Arguments: port, shape, seconds. Prints
 * "measuring" after a warm-up, then how many points were stored while it measured, and how long
 * that was.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { decodeStored, encodeBatch, topicOf } from "../telemetry/index.ts";
import type { Shape } from "./chain-points.ts";
import { batchOf, devices, isShape, linesAWrite, pointsABatch, timeOf } from "./chain-points.ts";

const agents = 4;
/** Batches with different values of each device. */
const variants = 16;
/** Enough for three writes to be gathered or under way. @unit batches */
const window = Math.ceil((3 * linesAWrite) / pointsABatch);
/** Nine digits from the first to the last. */
const firstSeq = 100_000_000;

interface Template {
  readonly packet: Buffer;
  readonly idAt: number;
  readonly seqAt: number;
  readonly timeAt: number;
}

const [port = "0", shape, seconds = "2"] = process.argv.slice(2);
if (!isShape(shape)) throw new Error(`no shape ${shape}`);
const templates = Array.from({ length: devices * variants }, (_, n) => template(shape, n));
const sockets = await Promise.all(Array.from({ length: agents }, (_, n) => open(n)));
let sent = 0;
let stored = 0;
fill();
await pause(2);
const from = { at: performance.now(), stored };
console.log("measuring");
await pause(Number(seconds));
const ms = performance.now() - from.at;
console.log(JSON.stringify({ points: (stored - from.stored) * pointsABatch, ms }));
process.exit(0);

function streamOf(agent: number): string {
  return `load${agent}.0123456789abcdef`;
}

function template(shapeOf: Shape, n: number): Template {
  const batch = batchOf(shapeOf, n);
  const text = encodeBatch({ ...batch, seq: firstSeq }, streamOf(agentOf(n)), 1, batch.place);
  const topic = Buffer.from(topicOf(batch.address, "telemetry"));
  const head = Buffer.from([0, topic.length, ...topic, 0, 1]);
  const length = head.length + Buffer.byteLength(text);
  const fixed = [0x33, (length & 0x7f) | 0x80, (length >> 7) & 0x7f];
  if (length > 0x3fff) fixed.splice(2, 1, ((length >> 7) & 0x7f) | 0x80, length >> 14);
  const packet = Buffer.concat([Buffer.from(fixed), head, Buffer.from(text)]);
  return {
    packet,
    idAt: fixed.length + head.length - 2,
    seqAt: packet.indexOf('"seq":') + 6,
    timeAt: packet.indexOf('"time":') + 7,
  };
}

/** A device belongs to one agent. */
function agentOf(n: number): number {
  return (n % devices) % agents;
}

function fill(): void {
  for (const socket of sockets) socket.cork();
  for (; sent - stored < window; sent += 1) {
    const made = templates[sent % templates.length];
    if (made === undefined) break;
    const packet = Buffer.from(made.packet);
    packet.writeUInt16BE((sent % 65_535) + 1, made.idAt);
    packet.write(`${firstSeq + sent}`, made.seqAt, "latin1");
    packet.write(`${timeOf(sent)}`, made.timeAt, "latin1");
    sockets[agentOf(sent)]?.write(packet);
  }
  for (const socket of sockets) socket.uncork();
}

async function open(agent: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: Number(port), noDelay: true });
  await once(socket, "connect");
  const id = `load${agent}`;
  send(socket, 0x10, Buffer.from(`\0\x04MQTT\x04\x02\0\0\0${String.fromCharCode(id.length)}${id}`));
  await once(socket, "data");
  const address = { region: "local", org: "main", site: "bench", class: "agent", device: id };
  const filter = topicOf(address, "stored");
  send(socket, 0x82, Buffer.from(`\0\x01\0${String.fromCharCode(filter.length)}${filter}\x01`));
  await once(socket, "data");
  let carry = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const bytes = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk;
    const before = stored;
    carry = Buffer.from(bytes.subarray(take(socket, bytes)));
    if (stored > before) fill();
  });
  return socket;
}

/** Handles the whole packets at the front; returns where the rest begins. */
function take(socket: Socket, bytes: Buffer): number {
  for (let at = 0; ;) {
    let length = 0;
    let size = 1;
    for (let more = true; more; size += 1) {
      const byte = bytes[at + size];
      if (byte === undefined) return at;
      length += (byte & 0x7f) * 128 ** (size - 1);
      more = byte >= 0x80;
    }
    if (at + size + length > bytes.length) return at;
    const body = bytes.subarray(at + size, at + size + length);
    if ((bytes[at] ?? 0) >> 4 === 3) delivered(socket, body, (bytes[at] ?? 0) & 6);
    at += size + length;
  }
}

function delivered(socket: Socket, body: Buffer, qos: number): void {
  const end = 2 + body.readUInt16BE(0);
  if (qos > 0) send(socket, 0x40, body.subarray(end, end + 2));
  const message = decodeStored(body.subarray(qos > 0 ? end + 2 : end));
  if (!("ok" in message)) throw new Error(message.problem);
  for (const [low, high] of message.ok.ranges) stored += high - low + 1;
}

function send(socket: Socket, first: number, body: Buffer): void {
  socket.write(Buffer.concat([Buffer.from([first, body.length]), body]));
}

function pause(length: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, length * 1000));
}
