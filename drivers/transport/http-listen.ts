/**
 * The door to HTTP requests that devices make to us: one listening port that answers each with a
 * status and nothing else, with bounds on who may come, how long one may take and how much one may
 * send.
 */
import { Buffer } from "node:buffer";
import http from "node:http";
import type { Code } from "../../telemetry/index.ts";
import { GatewayError, messageOf, systemCode } from "../../telemetry/index.ts";

export interface HttpListenLimits {
  /** One more is hung up at once. */
  readonly connections: number;
  /** A request that takes longer to come is hung up, as is an idle connection. @unit ms */
  readonly idle: number;
  /** Longest body. @unit bytes */
  readonly body: number;
}

/** One request of a device. */
export interface DeviceCall {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body: string;
}

export interface HttpListenEvents {
  /** Whether requests to this path are read at all; those of strangers are not. */
  readonly expected: (method: string, path: string) => boolean;
  /** @returns the status to answer with */
  readonly called: (call: DeviceCall) => number;
  readonly broken: (error: GatewayError) => void;
}

export interface ListeningHttp {
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
export function listenHttp(
  { host, port }: { readonly host: string; readonly port: number },
  events: HttpListenEvents,
  limits: HttpListenLimits,
): Promise<ListeningHttp> {
  const name = `${host}:${port}`;
  const times = { requestTimeout: limits.idle, headersTimeout: limits.idle };
  const server = http.createServer({ ...times, keepAliveTimeout: limits.idle }, (call, answer) => {
    answerTo(call, answer, { events, most: limits.body });
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
            server.closeAllConnections();
          }),
      });
    });
  });
}

function answerTo(
  call: http.IncomingMessage,
  answer: http.ServerResponse,
  { events, most }: { readonly events: HttpListenEvents; readonly most: number },
): void {
  const { method = "", url: path = "" } = call;
  const pieces: Buffer[] = [];
  let length = 0;
  const end = (status: number): void => {
    answer.writeHead(status, { "content-length": 0, connection: "close" }).end();
  };
  call.on("error", () => call.destroy());
  answer.on("error", () => call.destroy());
  if (!events.expected(method, path)) return end(404);
  call.on("data", (piece: Buffer) => {
    length += piece.length;
    if (length <= most) pieces.push(piece);
    else if (!answer.headersSent) end(413);
  });
  call.on("end", () => {
    if (answer.headersSent) return;
    const body = Buffer.concat(pieces).toString("utf8");
    const status = events.called({ method, path, body });
    answer.writeHead(status, { "content-length": 0 }).end();
  });
}

function failure(name: string, cause: unknown): GatewayError {
  const code = failures[systemCode(cause) ?? ""] ?? "E_CONNECT";
  return new GatewayError(code, `${name}: ${messageOf(cause)}`, { cause });
}
