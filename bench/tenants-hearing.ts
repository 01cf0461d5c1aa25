/**
 * The subscriber of the bench `tenants-load`, and the book of what was sent, acknowledged and
 * heard: nothing that was acknowledged may be missing here.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { connectPacket, subscribePacket } from "../broker/escape/wire.ts";
import { publishers } from "./tenants-places.ts";

/** Messages a publisher may send in all. */
const most = 1024;
const marks = { sent: 1, acknowledged: 2, heard: 4 } as const;

/** Before the publisher's number in a payload: `{"v":1,"stream":"`. */
const streamAt = 17;
/** `NUMBER","seq":1` and then six digits. */
const seqAt = streamAt + 16 + '","seq":1'.length;

export interface Heard {
  readonly sent: number;
  readonly acknowledged: number;
  readonly heard: number;
  /** Acknowledged and never heard. */
  readonly lost: number;
  /** Heard more than once. */
  readonly twice: number;
  readonly cut: number;
  /** From the write to the subscriber. @unit ms */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class Hearing {
  readonly #marks = new Uint8Array(publishers * most);
  readonly #at = new Float64Array(publishers * most);
  #delays: number[] = [];
  #cut = 0;
  #twice = 0;
  #begun = 0;

  /** Sent and not yet both acknowledged and heard. */
  get open(): number {
    const all = marks.sent | marks.acknowledged | marks.heard;
    return this.#marks.reduce((sum, mark) => sum + (mark === 0 || mark === all ? 0 : 1), 0);
  }

  sent(publisher: number, message: number, now: number): void {
    const at = publisher * most + message;
    this.#marks[at] = marks.sent;
    this.#at[at] = now;
  }

  acknowledged(publisher: number, message: number): void {
    this.#mark(publisher * most + message, marks.acknowledged);
  }

  heard(publisher: number, message: number, now: number): void {
    const at = publisher * most + message;
    if (((this.#marks[at] ?? 0) & marks.heard) !== 0) this.#twice += 1;
    this.#mark(at, marks.heard);
    const sent = this.#at[at] ?? 0;
    if (sent >= this.#begun) this.#delays.push(now - sent);
  }

  /** A connection ended. */
  cut(): void {
    this.#cut += 1;
  }

  /** From now on delays count. */
  begin(): void {
    this.#delays = [];
    this.#begun = performance.now();
  }

  /** What there was of all that was sent since the last end; delays since `begin`. */
  end(): Heard {
    const sorted = Float64Array.from(this.#delays).toSorted();
    const part = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    const count = (mask: number, wanted: number): number =>
      this.#marks.reduce((sum, mark) => sum + ((mark & mask) === wanted ? 1 : 0), 0);
    const { sent, acknowledged, heard } = marks;
    const told = {
      sent: count(sent, sent),
      acknowledged: count(acknowledged, acknowledged),
      heard: count(heard, heard),
      lost: count(acknowledged | heard, acknowledged),
      twice: this.#twice,
      cut: this.#cut,
      p50: part(0.5),
      p99: part(0.99),
      max: sorted.at(-1) ?? Number.NaN,
    };
    this.#marks.fill(0);
    this.#twice = 0;
    return told;
  }

  #mark(at: number, mark: number): void {
    this.#marks[at] = (this.#marks[at] ?? 0) | mark;
  }
}

/** Connects the subscriber to all of it, at QoS 1. */
export async function openHearing(
  port: number,
  who: { readonly user: string; readonly password: string },
): Promise<Hearing> {
  const hearing = new Hearing();
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  socket.write(connectPacket({ id: "city-1", clean: true, ...who }));
  await once(socket, "data");
  const subscribe = subscribePacket("rackstreet/v1/#", 1);
  subscribe[subscribe.length - 1] = 1;
  socket.write(subscribe);
  await once(socket, "data");
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const now = performance.now();
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const answers: number[] = [];
    let at = 0;
    for (let end = endOf(bytes, at); end !== undefined; end = endOf(bytes, at)) {
      take(hearing, bytes.subarray(at, end), { answers, now });
      at = end;
    }
    rest = Buffer.from(bytes.subarray(at));
    if (answers.length > 0) socket.write(Buffer.from(answers));
  });
  socket.on("close", () => hearing.cut());
  return hearing;
}

/** Where the packet at `at` ends; undefined: not here. Remaining lengths have one or two bytes. */
function endOf(bytes: Buffer, at: number): number | undefined {
  const [low = 0x80, high = 0x80] = bytes.subarray(at + 1, at + 3);
  const end = low < 0x80 ? at + 2 + low : high < 0x80 ? at + 3 + (low & 0x7f) + high * 128 : 0;
  return end > 0 && end <= bytes.length ? end : undefined;
}

interface Taking {
  readonly answers: number[];
  readonly now: number;
}

function take(hearing: Hearing, packet: Buffer, { answers, now }: Taking): void {
  if ((packet[0] ?? 0) >> 4 !== 3) return;
  const head = (packet[1] ?? 0) < 0x80 ? 2 : 3;
  const idAt = head + 2 + packet.readUInt16BE(head);
  const payload = idAt + 2;
  answers.push(0x40, 2, packet[idAt] ?? 0, packet[idAt + 1] ?? 0);
  const publisher = digits(packet, payload + streamAt, 16);
  hearing.heard(publisher, digits(packet, payload + seqAt, 6), now);
}

function digits(bytes: Buffer, at: number, count: number): number {
  let value = 0;
  for (let n = at; n < at + count; n += 1) value = value * 10 + (bytes[n] ?? 0) - 0x30;
  return value;
}
