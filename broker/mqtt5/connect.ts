/**
 * A CONNECT of MQTT 5 as one of 3.1.1 [MQTT5 3.1]:
 *
 *   name, level 5, flags, keep alive, properties, client id,
 *   will properties, will topic, will payload, user, password
 *
 * Clean Start and Session Expiry become CleanSession and what the hub does about the session; what
 * else the properties say stays with the front.
 */
import { fieldEnd } from "../packets.ts";
import type { Fault5 } from "./reasons.ts";
import { malformed, protocolError, reasons } from "./reasons.ts";
import type { Properties } from "./properties.ts";
import { allowedIn, field, packet, propertyIds, readProperties } from "./properties.ts";

const ids = propertyIds;

/** What a client said of itself. */
export interface Hello5 {
  /** Forget what there was of its session. */
  readonly anew: boolean;
  /** How long its session shall live without it. @unit s */
  readonly expiry: number;
  /** QoS 1 and 2 publishes it takes at once. */
  readonly window: number;
  /** Largest packet it takes. @unit bytes */
  readonly packet: number;
  /** Whether it wants reasons in words. */
  readonly words: boolean;
  /** The identifier it was given because it came without one. */
  readonly assigned: string | undefined;
  /** What its will says. */
  readonly will: Properties;
}

export interface Connect {
  /** CONNECT of MQTT 3.1.1. */
  readonly packet: Buffer;
  readonly hello: Hello5;
}

/** Where the properties begin: behind name, level, flags and keep alive. */
const propertiesAt = 10;

const flag = { will: 0x04, clean: 0x02 } as const;

/** Whether the body of a CONNECT is one of MQTT 5. */
export function isVersion5(body: Buffer): boolean {
  return body.toString("latin1", 0, 6) === "\0\u0004MQTT" && body[6] === 5;
}

/** @param assign makes a client identifier */
export function readConnect(body: Buffer, assign: () => string): Connect | Fault5 {
  if (body.length < propertiesAt) return malformed("CONNECT is cut off");
  const flags = body[7] ?? 0;
  const own = readProperties(body, propertiesAt, allowedIn.connect);
  if ("code" in own) return own;
  const { numbers } = own;
  if (numbers.has(ids.authenticationMethod) || numbers.has(ids.authenticationData)) {
    const why = "log in by user name and password, or by certificate";
    return { reason: "authentication", code: reasons.badAuthentication, why };
  }
  const window = numbers.get(ids.receiveMaximum) ?? 65_535;
  const largest = numbers.get(ids.maximumPacket) ?? Number.POSITIVE_INFINITY;
  if (window === 0 || largest === 0) return protocolError("a maximum of 0"); // [MQTT5 3.1.2.11]
  const idEnd = fieldEnd(body, own.end);
  if (idEnd === undefined) return malformed("no client identifier");
  const will = willOf(body, idEnd, (flags & flag.will) !== 0);
  if ("code" in will) return will;
  const assigned = idEnd === own.end + 2 ? assign() : undefined;
  const anew = (flags & flag.clean) !== 0;
  const expiry = numbers.get(ids.sessionExpiry) ?? 0;
  const clean = anew && expiry === 0 ? flag.clean : 0;
  return {
    packet: packet(0x10, [
      Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, (flags & ~flag.clean) | clean]),
      body.subarray(8, 10),
      assigned === undefined ? body.subarray(own.end, idEnd) : field(assigned),
      // Will topic and payload, user, password: as in 3.1.1.
      body.subarray(will.end),
    ]),
    hello: {
      anew,
      expiry,
      window,
      packet: largest,
      words: numbers.get(ids.requestProblem) !== 0,
      assigned,
      will,
    },
  };
}

/** @unit s */
export function willDelayOf({ will }: Hello5): number {
  return will.numbers.get(ids.willDelay) ?? 0;
}

function willOf(body: Buffer, at: number, has: boolean): Properties | Fault5 {
  if (has) return readProperties(body, at, allowedIn.will);
  return { numbers: new Map(), riding: Buffer.alloc(0), end: at };
}
