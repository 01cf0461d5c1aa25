/**
 * The door to TCP connections that devices make to us: one listening port, with bounds on how many
 * may come and how long one may keep silent.
 */
import type { Socket } from "node:net";
import { createServer } from "node:net";
import type { Code } from "../../telemetry/index.ts";
import { GatewayError, messageOf, systemCode } from "../../telemetry/index.ts";
import type { ByteChannel } from "./channel.ts";
import type { TcpEndpoint } from "./tcp.ts";
import { channelOf } from "./tcp.ts";

export interface ListenLimits {
  /** One more is hung up at once. */
  readonly connections: number;
  /** A connection that says nothing for so long is closed. @unit ms */
  readonly idle: number;
  /** Answers that the other side does not take; more, and it is hung up. @unit bytes */
  readonly unsent: number;
}

/** One connection of a device. */
export interface Caller {
  readonly channel: ByteChannel;
  /** Where it comes from: `10.0.0.7`. */
  readonly from: string;
}

export interface ListenEvents {
  readonly called: (caller: Caller) => void;
  readonly broken: (error: GatewayError) => void;
}

export interface ListeningPort {
  /** As given, or as the system chose it for port 0. */
  readonly port: number;
  /** Hangs up on all and stops listening. */
  close(): Promise<void>;
}

const failures: Readonly<Record<string, Code>> = {
  EADDRINUSE: "E_ADDRESS_IN_USE",
  EACCES: "E_ADDRESS_REFUSED",
  EADDRNOTAVAIL: "E_ADDRESS_REFUSED",
};

/** @throws E_ADDRESS_IN_USE, E_ADDRESS_REFUSED, E_CONNECT */
export function listenTcp(
  { host, port }: TcpEndpoint,
  events: ListenEvents,
  limits: ListenLimits,
): Promise<ListeningPort> {
  const name = `${host}:${port}`;
  const sockets = new Set<Socket>();
  const server = createServer({ keepAlive: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.setTimeout(limits.idle, () => socket.destroy());
    events.called({ channel: bounded(socket, limits), from: socket.remoteAddress ?? "unknown" });
  });
  server.maxConnections = limits.connections;
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(failure(name, cause)));
    server.listen({ host, port }, () => {
      server.removeAllListeners("error");
      server.on("error", (cause) => events.broken(failure(name, cause)));
      const bound = server.address();
      resolve({
        port: typeof bound === "object" && bound !== null ? bound.port : port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}

/** A channel that hangs up on who does not take our answers. */
function bounded(socket: Socket, { unsent }: ListenLimits): ByteChannel {
  const channel = channelOf(socket, socket.remoteAddress ?? "unknown", true);
  return {
    ...channel,
    write(bytes) {
      if (socket.writableLength > unsent) socket.destroy();
      else channel.write(bytes);
    },
  };
}

function failure(name: string, cause: unknown): GatewayError {
  const code = failures[systemCode(cause) ?? ""] ?? "E_CONNECT";
  return new GatewayError(code, `${name}: ${messageOf(cause)}`, { cause });
}
