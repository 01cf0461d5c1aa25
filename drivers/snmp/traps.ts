/**
 * The port that traps and informs come to, shared by all devices that are configured for it: a
 * device is known by the address it sends from and then by its own community or user.
 */
import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import type { Clock, Code, Entropy, Log } from "../../telemetry/index.ts";
import { GatewayError, messageOf, systemCode } from "../../telemetry/index.ts";
import type { Ear, OpenWay, Way } from "../transport/audience.ts";
import { Allowance } from "../transport/hearing.ts";
import type { Login, TrapReceiver } from "./door.ts";
import { receiverOf } from "./door.ts";
import type { Endpoint } from "./socket.ts";
import { deliver } from "./socket.ts";

export interface TrapMark {
  /** Where the device is; its traps come from there. */
  readonly host: string;
  readonly login: () => Login;
}

export type TrapEar = Ear<unknown> & TrapMark;

export interface TrapPlatform {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}

/** Datagrams of one device that are looked at: keys of a new engine take milliseconds to make. */
const allowed = { burst: 200, perSecond: 20 };
/** Senders without a device told of in the log. */
const mostStrangers = 100;
/** A host's address is asked for again when one it may be is unknown. @unit ms */
const lookAgain = 60_000;
/** Beginning of an engine's name that is made by its owner: 8 octets follow. [RFC 3411 5] */
const enginePrefix = "8000b98380";

const failures: Readonly<Record<string, Code>> = {
  EADDRINUSE: "E_ADDRESS_IN_USE",
  EACCES: "E_ADDRESS_REFUSED",
  EADDRNOTAVAIL: "E_ADDRESS_REFUSED",
};

/** @throws E_ADDRESS_IN_USE, E_ADDRESS_REFUSED, E_CONNECT */
export function trapWay(endpoint: Endpoint, platform: TrapPlatform): OpenWay<unknown, TrapEar> {
  return async ({ broken }) => {
    const socket = await bound(endpoint);
    socket.on("error", (cause) => broken(failure(endpoint, cause)));
    return new TrapWay(socket, platform);
  };
}

interface Hearer {
  readonly ear: TrapEar;
  readonly receiver: TrapReceiver;
  readonly allowance: Allowance;
  addresses: readonly string[];
  /** When the address was asked for. @unit ms */
  looked: number;
}

class TrapWay implements Way<TrapEar> {
  readonly #socket: Socket;
  readonly #platform: TrapPlatform;
  readonly #engine: string;
  /** Bounded by the devices of the configuration. */
  readonly #hearers = new Map<TrapEar, Hearer>();
  readonly #strangers = new Map<string, number>();
  /** Why the datagram in hand was nobody's. */
  #refused: string | undefined;

  constructor(socket: Socket, platform: TrapPlatform) {
    this.#socket = socket;
    this.#platform = platform;
    this.#engine = `${enginePrefix}${platform.entropy.id()}`;
    socket.on("message", (bytes, from) => this.#came(bytes, from));
  }

  joined(ear: TrapEar): void {
    try {
      const receiver = receiverOf({
        login: ear.login(),
        engine: this.#engine,
        reply: (bytes, { host, port }) => this.#socket.send(bytes, port, host, () => undefined),
        heard: (notification) => ear.heard(notification),
        refused: (why) => {
          this.#refused = why;
        },
      });
      const allowance = new Allowance(this.#platform.clock, allowed);
      const looked = Number.NEGATIVE_INFINITY;
      const hearer = { ear, receiver, allowance, addresses: [], looked };
      this.#hearers.set(ear, hearer);
      this.#look(hearer);
    } catch (error) {
      ear.failed(error);
    }
  }

  left(ear: TrapEar): void {
    this.#hearers.get(ear)?.receiver.close();
    this.#hearers.delete(ear);
  }

  close(): Promise<void> {
    for (const { receiver } of this.#hearers.values()) receiver.close();
    this.#hearers.clear();
    return new Promise((resolve) => {
      this.#socket.close(() => resolve());
    });
  }

  #came(bytes: Uint8Array, from: RemoteInfo): void {
    const address = plainAddress(from.address);
    const known = [...this.#hearers.values()].filter(({ addresses }) => {
      return addresses.includes(address);
    });
    if (known.length === 0) {
      for (const hearer of this.#hearers.values()) this.#look(hearer);
      return this.#stranger(address, "no device has this address");
    }
    for (const { receiver, allowance } of known) {
      this.#refused = undefined;
      if (!allowance.take()) this.#refused = "too many";
      else if (!deliver(receiver.socket, bytes, from)) this.#refused = "no message of SNMP";
      if (this.#refused !== undefined) this.#stranger(address, this.#refused);
    }
  }

  /** Asks for the address of a device, if that was not done lately. */
  #look(hearer: Hearer): void {
    const now = this.#platform.clock.monotonic();
    if (now - hearer.looked < lookAgain) return;
    hearer.looked = now;
    lookup(hearer.ear.host, { all: true }).then(
      (found) => {
        hearer.addresses = found.map(({ address }) => plainAddress(address));
      },
      () => undefined,
    );
  }

  /** Counts; the log hears of the first, and of every power of ten. */
  #stranger(address: string, why: string): void {
    if (!this.#strangers.has(address) && this.#strangers.size >= mostStrangers) return;
    const count = (this.#strangers.get(address) ?? 0) + 1;
    this.#strangers.set(address, count);
    if (!/^10*$/.test(String(count))) return;
    this.#platform.log.warn("a trap was not for any device", { from: address, why, count });
  }
}

function bound({ host, port }: Endpoint): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.once("error", (cause) => {
      socket.close();
      reject(failure({ host, port }, cause));
    });
    socket.bind({ port, address: host, exclusive: true }, () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

/** An IPv4 address that a socket for both families shows as `::ffff:10.0.0.7`. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}

function failure({ host, port }: Endpoint, cause: unknown): GatewayError {
  const code = failures[systemCode(cause) ?? ""] ?? "E_CONNECT";
  return new GatewayError(code, `udp ${host}:${port}: ${messageOf(cause)}`, { cause });
}
