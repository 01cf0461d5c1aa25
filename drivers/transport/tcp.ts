/**
 * The door to TCP connections. Foreign errors become E_CONNECT (before) and E_DISCONNECTED (after
 * the connection stood).
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import type { ByteChannel } from "./channel.ts";

export interface TcpEndpoint {
  readonly host: string;
  readonly port: number;
}

/** First probe of a silent connection; the kernel's own pace after that. @unit ms */
const keepAliveAfter = 10_000;

/**
 * A new connection; aborting gives the attempt up at once.
 * @throws E_CONNECT
 */
export function connectTcp(endpoint: TcpEndpoint, signal: AbortSignal): Promise<ByteChannel> {
  const name = `${endpoint.host}:${endpoint.port}`;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(givenUp(name, signal));
    const socket = connect({
      ...endpoint,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveAfter,
    });
    const onAbort = (): void => {
      socket.destroy();
      reject(givenUp(name, signal));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", (cause) => {
      signal.removeEventListener("abort", onAbort);
      reject(new GatewayError("E_CONNECT", `${name}: ${messageOf(cause)}`, { cause }));
    });
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      socket.removeAllListeners("error");
      resolve(channelOf(socket, name));
    });
  });
}

function givenUp(name: string, signal: AbortSignal): GatewayError {
  return new GatewayError("E_CONNECT", `${name}: connecting was given up`, {
    cause: signal.reason,
  });
}

/**
 * The channel of a socket that is connected.
 * @param name for messages
 * @param called the other side has made the connection: when it ends, it still gets our answers
 */
export function channelOf(socket: Socket, name: string, called = false): ByteChannel {
  let failure: unknown;
  let closing: Promise<void> | undefined;
  let unsent: Uint8Array[] = [];
  const flush = (): void => {
    const bytes = unsent.length === 1 ? unsent[0] : Buffer.concat(unsent);
    unsent = [];
    if (!socket.destroyed && bytes !== undefined) socket.write(bytes);
  };
  socket.on("error", (error) => {
    failure = error;
  });
  // A device that has ended its side will not answer any more: half-open is closed.
  if (!called) socket.on("end", () => socket.destroy());
  return {
    write(bytes) {
      // What is written in one turn leaves in one packet, and costs one call of the system.
      if (unsent.length === 0) process.nextTick(flush);
      unsent.push(bytes);
    },
    onData(listener) {
      socket.on("data", listener);
    },
    onClose(listener) {
      socket.on("close", () => {
        if (closing !== undefined) return;
        const why = failure === undefined ? "the other side hung up" : messageOf(failure);
        listener(new GatewayError("E_DISCONNECTED", `${name}: ${why}`, { cause: failure }));
      });
    },
    hold(on) {
      if (on) socket.pause();
      else socket.resume();
    },
    discardInput() {
      // Bytes are handed over as they arrive; nothing waits here.
    },
    close() {
      closing ??= new Promise((resolve) => {
        if (socket.closed) return resolve();
        socket.once("close", () => resolve());
        socket.destroy();
      });
      return closing;
    },
  };
}
