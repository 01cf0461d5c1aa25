/**
 * Where clients come in: TCP (`mqtt://`), TLS (`mqtts://`) and MQTT over WebSocket (`ws://`,
 * `wss://`, subprotocol `mqtt` [MQTT-6.0.0-3], binary frames only [MQTT-6.0.0-1]). The only door to
 * `ws`. Each layer hands its connections to the next:
 *
 *   TCP ─► PROXY header, from trusted networks ─► TLS ─► HTTP upgrade ─► the broker
 */
import type { IncomingMessage, Server as HttpServer } from "node:http";
import { createServer as createHttpServer } from "node:http";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { Duplex } from "node:stream";
import type { Server as TlsServer, TLSSocket } from "node:tls";
import { createServer as createTlsServer } from "node:tls";
import type { WebSocket } from "ws";
import { createWebSocketStream, WebSocketServer } from "ws";
import type { Address } from "../config/index.ts";
import { addressText, isLoopback } from "../config/index.ts";
import type { Clock } from "../telemetry/index.ts";
import { GatewayError, messageOf, systemCode } from "../telemetry/index.ts";
import type { RejectReason } from "./counters.ts";
import { agentMark, plainFingerprint } from "./enrol/certificates.ts";
import { readProxyHeader } from "./proxy.ts";
import type { TlsFiles } from "./tls.ts";

/** Half-open connections are found by the system after this. @unit ms */
const keepAliveAfter = 60_000;

/** Time for each of PROXY header, TLS handshake and the HTTP request. @unit ms */
const headersWithin = 10_000;

/** Who is at the other end. */
export interface Peer {
  /** IP address; where a trusted proxy connects for somebody, that one's. */
  readonly remote: string;
  /** Common name of a certificate that our authority signed; of an enrolled agent's none. */
  readonly certificate?: string | undefined;
  /** Fingerprint of the certificate of an enrolled agent. */
  readonly enrolled?: string | undefined;
  /** It came over TLS and showed no certificate. */
  readonly bare?: boolean | undefined;
}

export interface ListenSettings {
  /** Largest WebSocket message. @unit bytes */
  readonly message: number;
  /** Sockets open at once, those still before their WebSocket included. */
  readonly connections: number;
  readonly clock: Pick<Clock, "after">;
  /** For `mqtts` and `wss`. */
  readonly tls: TlsFiles | undefined;
  /** Whether a connection of this address must begin with a PROXY header. */
  readonly proxied: (address: string) => boolean;
  /** Takes a connection over. */
  accept(stream: Duplex, peer: Peer): void;
  /** A connection was refused before MQTT began. */
  refused(reason: RejectReason): void;
}

/** A WebSocket message may hold a packet and the start of others. @unit bytes */
export const besidePacket = 65_536;

export interface Listener extends AsyncDisposable {
  /** As in the configuration, with the real port. */
  readonly address: string;
}

/**
 * Listens on an address.
 * @throws E_ADDRESS_IN_USE, E_ADDRESS_REFUSED, E_CONFIG for TLS without certificate
 */
export async function openListener(address: Address, settings: ListenSettings): Promise<Listener> {
  const { tls } = settings;
  const secure = address.scheme === "mqtts" || address.scheme === "wss";
  if (secure && tls === undefined) {
    const why = `${addressText(address)}: give \`broker.tls\` its cert and key`;
    throw new GatewayError("E_CONFIG", why);
  }
  const remotes = new Remotes();
  const web = address.scheme.startsWith("ws") ? wsServer(address, settings, remotes) : undefined;
  const arrived = (socket: Socket | TLSSocket): void => {
    if (web !== undefined) web.emit("connection", socket);
    else settings.accept(socket, remotes.peerOf(socket));
  };
  const shield = secure && tls !== undefined ? tlsServer(tls, settings, arrived) : undefined;
  // Nagle off: the guard joins what belongs together.
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveAfter };
  const server = createServer(options, (socket) => {
    const go = (remote: string | undefined): void => {
      remotes.note(socket, remote);
      if (shield !== undefined) shield.emit("connection", socket);
      else arrived(socket);
    };
    if (settings.proxied(plainAddress(socket.remoteAddress))) takeHeader(socket, settings, go);
    else go(undefined);
  });
  server.maxConnections = settings.connections;
  server.on("drop", () => settings.refused("connections"));
  const sockets = new Set<Socket>();
  // One for all: a closure each would cost a connection 0.3 kB.
  function forget(this: Socket): void {
    sockets.delete(this);
  }
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", forget);
  });
  const port = await bind(server, address);
  return {
    address: addressText({ ...address, port }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** For whom proxies connect: by both ends of their connection, as each layer knows these. */
class Remotes {
  /** Bounded by the connections that are open. */
  readonly #known = new Map<string, string>();

  note(socket: Socket, remote: string | undefined): void {
    if (remote === undefined) return;
    const key = keyOf(socket);
    this.#known.set(key, plainAddress(remote));
    socket.once("close", () => this.#known.delete(key));
  }

  peerOf(socket: Socket | TLSSocket): Peer {
    const remote = this.#known.get(keyOf(socket)) ?? plainAddress(socket.remoteAddress);
    return { remote, ...("encrypted" in socket ? shownBy(socket) : {}) };
  }
}

function keyOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function shownBy(socket: TLSSocket): Omit<Peer, "remote"> {
  if (!socket.authorized) return { bare: true };
  const { subject, subjectaltname = "", fingerprint256 } = socket.getPeerCertificate();
  if (subjectaltname.includes(`URI:${agentMark}`)) {
    return { enrolled: plainFingerprint(fingerprint256) };
  }
  // A name that stands there twice is nobody's.
  return { certificate: typeof subject?.CN === "string" ? subject.CN : undefined };
}

const ignore = (): void => undefined;

/** Reads the PROXY header of a connection and gives the rest back. */
function takeHeader(
  socket: Socket,
  { clock, refused }: Pick<ListenSettings, "clock" | "refused">,
  go: (remote: string | undefined) => void,
): void {
  let bytes = Buffer.alloc(0);
  const fail = (): void => {
    refused("proxy");
    socket.destroy();
  };
  const timer = clock.after(headersWithin, fail);
  const end = (): void => {
    timer.cancel();
    socket.off("data", take);
  };
  const take = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const header = readProxyHeader(bytes);
    if (header.kind === "more") return;
    end();
    if (header.kind === "bad") return fail();
    socket.pause();
    socket.off("error", ignore);
    const rest = bytes.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    go(header.remote);
  };
  socket.on("error", ignore);
  socket.once("close", end);
  socket.on("data", take);
}

function tlsServer(
  tls: TlsFiles,
  settings: ListenSettings,
  arrived: (socket: TLSSocket) => void,
): TlsServer {
  const options = { ...tls.settings, handshakeTimeout: headersWithin };
  const server = createTlsServer(options, (socket) => {
    const shown = Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
    if (socket.authorized) return arrived(socket);
    // Who comes without one to get its first is told apart at its login.
    if (!shown && (!tls.requireClient || tls.enrols)) return arrived(socket);
    settings.refused("certificate");
    socket.on("error", ignore).destroy();
  });
  server.on("tlsClientError", (_error, socket) => {
    settings.refused("tls");
    socket.destroy();
  });
  tls.onChange((changed) => server.setSecureContext(changed));
  return server;
}

function wsServer(address: Address, settings: ListenSettings, remotes: Remotes): HttpServer {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: settings.message,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: () => "mqtt",
  });
  const server = createHttpServer(
    { headersTimeout: headersWithin, connectionsCheckingInterval: headersWithin },
    (_request, response) => {
      response.writeHead(426, { upgrade: "websocket" }).end("MQTT over WebSocket\n");
    },
  );
  server.on("upgrade", (request, socket, head) => {
    const refusal = upgradeRefusal(request, isLoopback(address.host));
    if (refusal === undefined) {
      const peer = remotes.peerOf(request.socket);
      sockets.handleUpgrade(request, socket, head, (ws) => settings.accept(binaryStream(ws), peer));
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
