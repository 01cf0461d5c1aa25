/**
 * The door to serial ports, and the only file that imports serialport. Framing is the caller's:
 * bytes are handed over as they come, in pieces of any size.
 */
import { Poller } from "@serialport/bindings-cpp/dist/poller.js";
import { SerialPort } from "serialport";
import { GatewayError, invariant, messageOf } from "../../telemetry/index.ts";
import type { Code } from "../../telemetry/index.ts";
import type { ByteChannel } from "./channel.ts";
import type { SerialBus } from "./options.ts";

/**
 * Since Node 26.4 the native poller of serialport 13.0.0 wakes JavaScript without running what
 * waits on promises, so that received bytes stall until some other event comes
 * (serialport/node-serialport issue 3148). An empty callback after each of its events is one.
 */
function keepPollerAwake(): void {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 26 || (major === 26 && minor < 4)) return;
  const prototype = Poller.prototype;
  const emit: unknown = Reflect.get(prototype, "emit");
  invariant(typeof emit === "function", "serialport's poller has another shape");
  prototype.emit = function emitAwake(event: string, ...values: unknown[]): boolean {
    const heard = Boolean(Reflect.apply(emit, this, [event, ...values]));
    setImmediate(() => {});
    return heard;
  };
}

keepPollerAwake();

/** What the operating system says, as a code and what to do. */
const openFailures: readonly (readonly [RegExp, Code, string])[] = [
  [
    /no such file|ENOENT|ENODEV|ENXIO|no such device/i,
    "E_SERIAL_MISSING",
    "plug the adapter in, or name the port by its path under /dev/serial/by-id",
  ],
  [
    /permission|EACCES|EPERM/i,
    "E_SERIAL_PERMISSION",
    "run `sudo usermod -aG dialout $USER` and log in again",
  ],
  [
    /temporarily unavailable|cannot lock|busy|EBUSY|EAGAIN/i,
    "E_SERIAL_BUSY",
    "another program holds it; `fuser -v` names that program",
  ],
];

/**
 * Opens a serial port for this process alone.
 * @throws E_SERIAL_MISSING, E_SERIAL_PERMISSION, E_SERIAL_BUSY, E_SERIAL
 */
export function openSerial(bus: SerialBus): Promise<ByteChannel> {
  return new Promise((resolve, reject) => {
    const port = new SerialPort({
      path: bus.port,
      baudRate: bus.baud,
      parity: bus.parity,
      dataBits: bus.dataBits,
      stopBits: bus.stopBits,
      lock: true,
      autoOpen: false,
    });
    port.open((cause) => {
      if (cause) reject(openFailure(bus.port, cause));
      else resolve(channelOf(port, bus.port));
    });
  });
}

/** What serialport says when a port does not open, as one of our codes. */
export function openFailure(path: string, cause: Error): GatewayError {
  const message = cause.message.replace(/^Error:? /, "");
  for (const [pattern, code, remedy] of openFailures) {
    if (pattern.test(message)) {
      return new GatewayError(code, `${path}: ${message}; ${remedy}`, { cause });
    }
  }
  return new GatewayError("E_SERIAL", `${path}: ${message}`, { cause });
}

function channelOf(port: SerialPort, path: string): ByteChannel {
  let closing = false;
  let ended = false;
  let listener: ((reason: GatewayError) => void) | undefined;
  const end = (cause: unknown): void => {
    if (ended || closing) return;
    ended = true;
    const why = cause === null || cause === undefined ? "the port was closed" : messageOf(cause);
    listener?.(new GatewayError("E_DISCONNECTED", `${path}: ${why}`, { cause }));
  };
  port.on("close", end);
  // serialport reads on and on at a line that hung up between two reads; the next write fails,
  // and closing the port ends that.
  port.on("error", (cause) => {
    end(cause);
    if (port.isOpen) port.close();
  });
  return {
    write(bytes) {
      if (port.isOpen) port.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    },
    onData(onData) {
      port.on("data", onData);
    },
    onClose(onClose) {
      listener = onClose;
    },
    discardInput() {
      // Best effort: some drivers cannot flush, and what comes anyway is drained by silence.
      if (port.isOpen) port.flush(() => {});
    },
    setBreak(on) {
      return new Promise((resolve, reject) => {
        port.set({ brk: on }, (cause) => {
          if (!cause) return resolve();
          const why = `${path}: the port makes no break (${messageOf(cause)}); let the adapter do`;
          reject(new GatewayError("E_SERIAL", why, { cause }));
        });
      });
    },
    close() {
      closing = true;
      if (!port.isOpen) return Promise.resolve();
      return new Promise((resolve) => port.close(() => resolve()));
    },
  };
}
