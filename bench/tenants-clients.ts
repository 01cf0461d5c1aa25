/**
 * The clients of the bench `tenants-load`, a process of its own: 5,532 publishers, each a
 * connection and a user, and one subscriber that may hear all. Packets are made once and only
 * their numbers and times written anew, so that the broker's core is what is full.
 *
 * Arguments: port, seconds a rate, intervals in ms. Prints a line of JSON when all are in, and for
 * each interval `measuring`, `sent`, and what was measured.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { Answers, connectPacket, publishPacket } from "../broker/escape/wire.ts";
import { agentClientId, encodeBatch } from "../telemetry/index.ts";
import { Hearing, openHearing } from "./tenants-hearing.ts";
import type { Place } from "./tenants-places.ts";
import { places, reader } from "./tenants-places.ts";

/** Logins under way at once. */
const atOnce = 64;
/** How often it is looked whose turn it is. @unit ms */
const tick = 1;
/** For what is under way when all was sent. @unit ms */
const drained = 10_000;

/** Numbers have as many digits from the first to the last, and never less room than they need. */
const firstSeq = 1_000_000;

class Publisher {
  readonly #socket: Socket;
  readonly #packet: Buffer;
  readonly #hearing: Hearing;
  readonly #number: number;
  /** Where payload and packet identifier begin in the packet. */
  readonly #payloadAt: number;
  readonly #seqAt: number;
  readonly #timeAt: number;
  #sent = 0;
  /** When it is its turn. @unit ms, monotonic */
  due = 0;

  constructor(socket: Socket, number: number, { place, hearing }: Parts) {
    this.#socket = socket;
    this.#number = number;
    this.#hearing = hearing;
    const payload = payloadOf(number);
    this.#packet = publishPacket(place.topic, payload, { id: 1, retain: true });
    this.#payloadAt = this.#packet.length - payload.length;
    this.#seqAt = this.#packet.indexOf(`${firstSeq}`, this.#payloadAt);
    this.#timeAt = this.#packet.indexOf('"time":', this.#payloadAt) + '"time":'.length;
  }

  publish(now: number): void {
    const { length } = `${firstSeq}`;
    this.#sent += 1;
    const packet = this.#packet;
    packet.writeUInt16BE(this.#sent, this.#payloadAt - 2);
    packet.write(`${firstSeq + this.#sent}`, this.#seqAt, length);
    packet.write(`${Date.now()}`, this.#timeAt);
    this.#hearing.sent(this.#number, this.#sent, now);
    this.#socket.write(packet);
  }
}

interface Parts {
  readonly place: Place;
  readonly hearing: Hearing;
}

/** A batch of a rack PDU: some 200 bytes, as an agent makes them. */
function payloadOf(number: number): string {
  const fields = { active_power_w: 4321.5, apparent_power_va: 4403.8, q: 0 };
  const points = [{ measurement: "rack_power", fields }];
  const batch = { seq: firstSeq, time: Date.now(), points, faults: [] };
  const stream = `${number}`.padStart(16, "0");
  return encodeBatch(batch, stream, firstSeq, { rack: "r-01" });
}

async function openPublisher(port: number, number: number, parts: Parts): Promise<Publisher> {
  const { user, password, region, org, site } = parts.place;
  const id = agentClientId({ region, org, site }, user);
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  const answers = new Answers();
  socket.write(connectPacket({ id, clean: true, user, password }));
  await new Promise<void>((resolve, reject) => {
    socket.on("data", (chunk: Buffer) => {
      for (const answer of answers.feed(chunk)) {
        if (answer.kind === "puback") parts.hearing.acknowledged(number, answer.id);
        else if (answer.kind !== "connack") continue;
        else if (answer.code === 0) resolve();
        else reject(new Error(`${user} was refused: ${answer.code}`));
      }
    });
    socket.on("close", () => parts.hearing.cut());
    socket.on("error", reject);
  });
  return new Publisher(socket, number, parts);
}

/** Lets all in, so many at a time; tells how long that took. */
async function openAll(port: number, hearing: Hearing): Promise<readonly Publisher[]> {
  const all = places();
  const publishers: Publisher[] = [];
  const from = performance.now();
  let next = 0;
  const open = async (): Promise<void> => {
    for (let number = next; number < all.length; number = next) {
      next += 1;
      const place = all[number];
      if (place !== undefined) {
        publishers.push(await openPublisher(port, number, { place, hearing }));
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, open));
  const ramp = (performance.now() - from) / 1000;
  const size = publishPacket("", payloadOf(0), { id: 1, retain: true }).length - 6;
  console.log(JSON.stringify({ ramp, connections: publishers.length + 1, size }));
  return publishers;
}

/** Each publishes once an interval, evenly spread over it, until told to end. */
function publishEvery(interval: number, publishers: readonly Publisher[]): () => void {
  const start = performance.now() + 50;
  publishers.forEach((publisher, n) => {
    publisher.due = start + (n * interval) / publishers.length;
  });
  let next = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    for (;;) {
      const publisher = publishers[next % publishers.length];
      if (publisher === undefined || publisher.due > now) return;
      publisher.publish(performance.now());
      publisher.due += interval;
      next += 1;
    }
  }, tick);
  return () => clearInterval(timer);
}

async function main(): Promise<void> {
  const [port = 0, seconds = 30, ...intervals] = process.argv.slice(2).map(Number);
  const hearing = await openHearing(port, reader);
  const publishers = await openAll(port, hearing);
  // A publisher's turn does not follow from its organisation.
  const shuffled = publishers.toSorted(() => Math.random() - 0.5);
  for (const interval of intervals) {
    const end = publishEvery(interval, shuffled);
    await pause(Math.max(interval, 3000));
    hearing.begin();
    console.log("measuring");
    await pause(seconds * 1000);
    end();
    console.log("sent");
    const until = performance.now() + drained;
    while (hearing.open > 0 && performance.now() < until) await pause(50);
    console.log(JSON.stringify(hearing.end()));
  }
  process.exit(0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

void main();
