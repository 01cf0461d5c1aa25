/**
 * Where clients come in: TCP (`mqtt://`) and MQTT over WebSocket (`ws://`, subprotocol `mqtt`
 * [MQTT-6.0.0-3], binary frames only [MQTT-6.0.0-1]). The only door to `ws`.
 */
import type { IncomingMessage, Server as HttpServer } from "node:http";
import { createServer as createHttpServer } from "node:http";
import type { Server } from "node:net";
import { createServer } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { createWebSocketStream, WebSocketServer } from "ws";
import type { Address } from "../config/index.ts";
import { addressText } from "../config/index.ts";
import { GatewayError, messageOf, systemCode } from "../telemetry/index.ts";
import { isLoopback } from "./loopback.ts";

/** Half-open connections are found by the system after this. @unit ms */
const keepAliveAfter = 60_000;

/** Time for the HTTP request before a WebSocket. @unit ms */
const headersWithin = 10_000;

export interface ListenSettings {
  /** Largest WebSocket message. @unit bytes */
  readonly message: number;
  /** Sockets open at once, those still before their WebSocket included. */
  readonly connections: number;
  /** Takes a connection over; `remote` is the IP address of the other side. */
  accept(stream: Duplex, remote: string): void;
  /** A connection was refused: too many, or from a page of another site. */
  refused(reason: "connections" | "origin"): void;
}

export interface Listener extends AsyncDisposable {
  /** As in the configuration, with the real port. */
  readonly address: string;
}

/**
 * Listens on an address.
 * @throws E_ADDRESS_IN_USE, E_ADDRESS_REFUSED
 */
export async function openListener(address: Address, settings: ListenSettings): Promise<Listener> {
  const server = address.scheme === "ws" ? wsServer(address, settings) : tcpServer(settings);
  server.maxConnections = settings.connections;
  server.on("drop", () => settings.refused("connections"));
  const port = await bind(server, address);
  return {
    address: addressText({ ...address, port }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}

function tcpServer(settings: ListenSettings): Server {
  // Nagle off: the guard joins what belongs together.
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveAfter };
  return createServer(options, (socket) =>
    settings.accept(socket, plainAddress(socket.remoteAddress)),
  );
}

function wsServer(address: Address, settings: ListenSettings): HttpServer {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: settings.message,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: () => "mqtt",
  });
  const server = createHttpServer(
    {
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveAfter,
      headersTimeout: headersWithin,
      connectionsCheckingInterval: headersWithin,
    },
    (_request, response) => {
      response.writeHead(426, { upgrade: "websocket" }).end("MQTT over WebSocket\n");
    },
  );
  server.on("upgrade", (request, socket, head) => {
    const refusal = upgradeRefusal(request, isLoopback(address.host));
    if (refusal === undefined) {
      const remote = plainAddress(request.socket.remoteAddress);
      sockets.handleUpgrade(request, socket, head, (ws) =>
        settings.accept(binaryStream(ws), remote),
      );
      return;
    }
    if (refusal.startsWith("403")) settings.refused("origin");
    socket.end(`HTTP/1.1 ${refusal}\r\nconnection: close\r\n\r\n`);
  });
  return server;
}

function binaryStream(ws: WebSocket): Duplex {
  ws.on("message", (_data, isBinary) => {
    if (!isBinary) ws.terminate();
  });
  return createWebSocketStream(ws, { decodeStrings: true });
}

/**
 * A page of another site must not reach a broker on this machine through its visitor's browser:
 * a browser's Origin must name the host it asks for, and for a loopback listener that host must
 * be loopback (else a name that was made to resolve to 127.0.0.1 would do).
 */
function upgradeRefusal(request: IncomingMessage, loopback: boolean): string | undefined {
  const offered = request.headers["sec-websocket-protocol"] ?? "";
  if (!offered.split(",").some((name) => name.trim() === "mqtt")) return "400 Bad Request";
  const { origin, host } = request.headers;
  if (origin === undefined) return undefined;
  const asked = hostName(`http://${host ?? ""}`);
  const same = asked !== undefined && hostName(origin) === asked;
  return same && (!loopback || isLoopback(asked)) ? undefined : "403 Forbidden";
}

function hostName(url: string): string | undefined {
  const name = URL.parse(url)?.hostname.replace(/^\[|\]$/g, "");
  return name === "" ? undefined : name;
}

/** An IPv4 address is one also when it came in over an IPv6 socket. */
function plainAddress(remote: string | undefined): string {
  return (remote ?? "").replace(/^::ffff:/, "");
}

function bind(server: Server, address: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(bindError(address, cause)));
    server.listen({ host: address.host, port: address.port }, () => {
      const bound = server.address();
      server.removeAllListeners("error");
      // Accept errors (out of file descriptors) pass; those who wait connect again.
      server.on("error", () => undefined);
      resolve(typeof bound === "object" && bound !== null ? bound.port : address.port);
    });
  });
}

function bindError(address: Address, cause: unknown): GatewayError {
  const code = systemCode(cause) === "EADDRINUSE" ? "E_ADDRESS_IN_USE" : "E_ADDRESS_REFUSED";
  return new GatewayError(code, `${addressText(address)}: ${messageOf(cause)}`, { cause });
}
