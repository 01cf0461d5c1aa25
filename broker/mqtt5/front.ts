/**
 * A client of MQTT 5 before a broker that speaks 3.1.1: each packet of one is put in terms of the
 * other, in both ways. What 3.1.1 has no words for stays here or rides beside the message
 * (`riders.ts`); what is not to be had CONNACK says: no shared subscriptions, no subscription
 * identifiers, no enhanced authentication.
 *
 *   client ─ 5 ─► inward ─ 3.1.1 ─► broker ─ 3.1.1 ─► outward ─ 5 ─► client
 *
 * Memory: aliases, what was asked and is not answered yet (as much as the broker takes in at once),
 * and what waits for the client's window, which counts as what waits for the client.
 */
import { faultOf, packetTypes } from "../packets.ts";
import type { Connect, Hello5 } from "./connect.ts";
import { readConnect } from "./connect.ts";
import type { Wish } from "./packets5.ts";
import {
  readAcknowledgement,
  readDisconnect,
  readPublish,
  readSubscribe,
  readUnsubscribe,
} from "./packets5.ts";
import { Pieces } from "./pieces.ts";
import { variableAt } from "./properties.ts";
import type { Fault5 } from "./reasons.ts";
import { protocolError, reasonOfCut, reasons } from "./reasons.ts";
import type { Rider, Riders } from "./riders.ts";
import { riderOf } from "./riders.ts";
import type { Session5, Limits5 } from "./say.ts";
import { sayAcknowledged, sayConnack, sayDisconnect, sayPublish } from "./say.ts";
import { Window } from "./window.ts";

export interface FrontParts {
  readonly limits: Limits5;
  readonly riders: Riders;
  /** Makes a client identifier. */
  readonly assign: () => string;
  /** Takes a packet of 3.1.1 to the broker. */
  pass(packet: Buffer): void;
  /** Takes bytes to the client. */
  send(bytes: Buffer): void;
  /** A publish for the client was given up. */
  shed(): void;
  /** The client leaves without its farewell: its will is due. */
  leave(): void;
}

/** Why a publish or a filter was refused. */
interface Refused {
  readonly code: number;
  readonly why: string;
}

const types = packetTypes;

export class Front {
  readonly #parts: FrontParts;
  readonly #pieces = new Pieces();
  readonly #aliases = new Map<number, Buffer>();
  /** What goes with the packets that the broker has not parsed yet, in their order. */
  readonly #underway: (Rider | readonly Wish[] | undefined)[] = [];
  /** By packet identifier. */
  readonly #subscribing = new Map<number, readonly Wish[]>();
  readonly #unsubscribing = new Map<number, readonly number[]>();
  readonly #refused = new Map<number, Refused>();
  readonly #refusedFilters = new Map<string, number>();
  /** QoS 2 publishes whose handshake a refusal has ended for the client. */
  readonly #cutShort = new Set<number>();
  #window: Window;
  #hello: Hello5 | undefined;
  /** It was let in. */
  #welcome = false;
  /** It was told that the connection ends. */
  #over = false;

  /** Whether the client is subscribed to a filter. */
  subscribed: (filter: string) => boolean = () => false;
  /** What became of its session; set before CONNACK. */
  session: Session5 = { expiry: 0, most: 0 };

  constructor(parts: FrontParts) {
    this.#parts = parts;
    this.#window = new Window(Number.POSITIVE_INFINITY, (pieces) => this.#sendAll(pieces));
  }

  get hello(): Hello5 | undefined {
    return this.#hello;
  }

  /** What waits here for the client. @unit bytes */
  get held(): number {
    return this.#window.bytes;
  }

  // --- from the client ---

  /** Takes a whole packet of the client; its fault, when it has one. */
  inward(bytes: Buffer): Fault5 | undefined {
    const first = bytes[0] ?? 0;
    const body = bytes.subarray(variableAt(bytes, 1)?.end ?? bytes.length);
    const type = first >> 4;
    switch (type) {
      case types.connect:
        return this.#connect(first, body);
      case types.publish:
        return this.#publish(first, body);
      case types.subscribe:
        return this.#subscribe(body, first);
      case types.unsubscribe:
        return this.#unsubscribe(body, first);
      case types.puback:
      case types.pubrec:
      case types.pubrel:
      case types.pubcomp:
        return this.#acknowledge(first, body);
      case types.disconnect:
        return this.#disconnect(first, body);
      default:
        return this.#pass(bytes);
    }
  }

  #pass(packet: Buffer, first = packet[0] ?? 0): Fault5 | undefined {
    const body = packet.subarray(variableAt(packet, 1)?.end ?? packet.length);
    const fault = faultOf(first, body);
    if (fault !== undefined) return { reason: fault.reason, code: reasonOfCut(fault.reason) };
    this.#parts.pass(packet);
    return undefined;
  }

  #connect(first: number, body: Buffer): Fault5 | undefined {
    const read: Connect | Fault5 = readConnect(body, this.#parts.assign);
    if ("code" in read) return read;
    const fault = this.#pass(read.packet, first);
    if (fault !== undefined) return fault;
    this.#hello = read.hello;
    this.#window = new Window(read.hello.window, (pieces) => this.#sendAll(pieces));
    return undefined;
  }

  #publish(first: number, body: Buffer): Fault5 | undefined {
    const read = readPublish(first, body, this.#aliases);
    if ("code" in read) return read;
    this.#underway.push(riderOf(read.properties, this.#parts.riders));
    return this.#pass(read.packet);
  }

  #subscribe(body: Buffer, first: number): Fault5 | undefined {
    const read = readSubscribe(body);
    if ("code" in read) return read;
    this.#underway.push(read.wishes);
    this.#subscribing.set(read.id, read.wishes);
    return this.#pass(read.packet, first);
  }

  #unsubscribe(body: Buffer, first: number): Fault5 | undefined {
    const read = readUnsubscribe(body);
    if ("code" in read) return read;
    const codes = read.filters.map((filter) =>
      this.subscribed(filter) ? reasons.success : reasons.noSubscription,
    );
    this.#unsubscribing.set(read.id, codes);
    return this.#pass(read.packet, first);
  }

  #acknowledge(first: number, body: Buffer): Fault5 | undefined {
    const read = readAcknowledgement(first, body);
    if ("code" in read) return read;
    const type = first >> 4;
    const unwanted = type === types.pubrec && read.said >= reasons.unspecified;
    // A PUBREC that refuses ends the handshake [MQTT5 4.3.3].
    const fault = unwanted
      ? this.#pass(Buffer.concat([Buffer.from([types.pubcomp << 4]), read.packet.subarray(1)]))
      : this.#pass(read.packet);
    if (type === types.puback || type === types.pubcomp || unwanted) this.#window.close(read.id);
    return fault;
  }

  #disconnect(first: number, body: Buffer): Fault5 | undefined {
    const read = readDisconnect(body);
    if ("code" in read) return read;
    const { left, expiry } = read;
    if (expiry !== undefined) {
      // [MQTT5-3.14.2-2]
      if (expiry > 0 && this.#hello?.expiry === 0) return protocolError("no session to keep");
      const { most } = this.session;
      this.session = { expiry: Math.min(expiry, most), most };
    }
    if (left === reasons.success) return this.#pass(Buffer.from([first, 0]));
    this.#parts.leave();
    return undefined;
  }

  // --- at the broker ---

  /** What goes with a packet that the broker has just parsed, PUBLISH and SUBSCRIBE in order. */
  arrived(): Rider | readonly Wish[] | undefined {
    return this.#underway.shift();
  }

  /** The client's publish goes nowhere; it is told so in its acknowledgement. */
  refusePublish(id: number, why: string): void {
    this.#refused.set(id, { code: reasons.notAuthorized, why });
  }

  refuseFilter(filter: string, code: number): void {
    this.#refusedFilters.set(filter, code);
  }

  // --- to the client ---

  /** Takes a piece of a packet of 3.1.1 for the client. */
  outward(piece: Buffer): void {
    const whole = this.#pieces.add(piece);
    if (whole === undefined || this.#over) return;
    const { first, body, payload } = whole;
    if (payload !== undefined) return this.#deliver(first, body, payload);
    switch (first >> 4) {
      case 2:
        this.#welcome = body[1] === 0;
        return this.#send(
          sayConnack(body, { limits: this.#parts.limits, session: this.session }, this.#hello),
        );
      case types.puback:
      case types.pubrec:
      case types.pubcomp:
        return this.#answer(first, body);
      case 9:
        return this.#subscribed(body);
      case 11: {
        const id = body.readUInt16BE(0);
        const codes = this.#unsubscribing.get(id) ?? [];
        this.#unsubscribing.delete(id);
        return this.#send(sayAcknowledged({ first, id }, codes));
      }
      default:
        return this.#send(Buffer.concat([Buffer.from([first, body.length]), body]));
    }
  }

  /** The last word before the connection is ended from this side; undefined: there is none. */
  farewell(code: number, why?: string): Buffer | undefined {
    if (!this.#welcome) return undefined;
    // [MQTT5 3.14.4]: nothing after it.
    this.#welcome = false;
    this.#over = true;
    return sayDisconnect(code, why);
  }

  #deliver(first: number, body: Buffer, payload: Buffer): void {
    const rider = this.#parts.riders.of(payload);
    const pieces = sayPublish(first, body, { payload, rider, riders: this.#parts.riders });
    const bytes = pieces.reduce((sum, one) => sum + one.length, 0);
    const qos = (first >> 1) & 3;
    const id = qos === 0 ? 0 : body.readUInt16BE(body.length - 2);
    // [MQTT5-3.1.2-25]: as if it had been sent and acknowledged.
    if (bytes > (this.#hello?.packet ?? Number.POSITIVE_INFINITY)) {
      this.#parts.shed();
      const done = qos === 1 ? types.puback : types.pubcomp;
      if (qos > 0) this.#parts.pass(Buffer.from([done << 4, 2, id >> 8, id & 0xff]));
    } else if (qos === 0) this.#sendAll(pieces);
    else this.#window.offer(id, pieces);
  }

  #answer(first: number, body: Buffer): void {
    const id = body.readUInt16BE(0);
    const type = first >> 4;
    if (type === types.pubcomp && this.#cutShort.delete(id)) return;
    const refused = this.#refused.get(id);
    if (refused === undefined || type === types.pubcomp) {
      return this.#send(Buffer.concat([Buffer.from([first, 2]), body]));
    }
    this.#refused.delete(id);
    const why = this.#words(refused.why);
    this.#send(sayAcknowledged({ first, id }, [refused.code], why));
    if (type !== types.pubrec) return;
    // The client will not go on with it; the broker waits for that.
    this.#cutShort.add(id);
    this.#parts.pass(Buffer.from([0x62, 2, id >> 8, id & 0xff]));
  }

  #subscribed(body: Buffer): void {
    const id = body.readUInt16BE(0);
    const wishes = this.#subscribing.get(id) ?? [];
    this.#subscribing.delete(id);
    const codes = [...body.subarray(2)].map((granted, index) => {
      if (granted < 0x80) return granted;
      const filter = wishes[index]?.filter ?? "";
      return this.#refusedFilters.get(filter) ?? reasons.notAuthorized;
    });
    this.#refusedFilters.clear();
    this.#send(sayAcknowledged({ first: 0x90, id }, codes));
  }

  /** Reasons in words only for who wants them [MQTT5-3.1.2-29]. */
  #words(why: string | undefined): string | undefined {
    return this.#hello?.words === false ? undefined : why;
  }

  #send(bytes: Buffer): void {
    this.#parts.send(bytes);
  }

  #sendAll(pieces: readonly Buffer[]): void {
    for (const piece of pieces) this.#parts.send(piece);
  }
}
