/**
 * The door to serial ports, and the only file that imports serialport. Framing is the caller's:
 * bytes are handed over as they come, in pieces of any size.
 */
import { Poller } from "@serialport/bindings-cpp/dist/poller.js";
import { SerialPort } from "serialport";
import { GatewayError, invariant, messageOf } from "../../telemetry/index.ts";
import type { Code } from "../../telemetry/index.ts";
import type { ByteChannel } from "./channel.ts";
import type { Descriptor } from "./descriptor.ts";
import { readEach, writeNow } from "./descriptor.ts";
import type { SerialBus } from "./options.ts";
import type { SerialPortFacts } from "./ports.ts";
import type { PortFiles } from "./port-facts.ts";
import { missingRemedy, permissionRemedy, systemFiles } from "./port-facts.ts";

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
const openFailures: readonly (readonly [RegExp, Code, Remedy])[] = [
  [
    /no such file|ENOENT|ENODEV|ENXIO|no such device/i,
    "E_SERIAL_MISSING",
    (_path, files) => missingRemedy(files),
  ],
  [/permission|EACCES|EPERM/i, "E_SERIAL_PERMISSION", permissionRemedy],
  [
    /temporarily unavailable|cannot lock|busy|EBUSY|EAGAIN/i,
    "E_SERIAL_BUSY",
    () => "another program holds it; `fuser -v` names that program",
  ],
];

type Remedy = (path: string, files: PortFiles) => string;

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
      if (cause) return reject(openFailure(bus.port, cause));
      if (process.platform !== "linux") return resolve(channelOf(port, bus.port));
      port.set(swift, () => resolve(channelOf(port, bus.port)));
    });
  });
}

/**
 * FTDI adapters hold bytes back for 16 ms otherwise. Not all drivers know it, nor need to. The
 * lines are as opening leaves them: all settings are made at once.
 */
const swift = { brk: false, dtr: true, rts: true, lowLatency: true };

/**
 * The serial ports of a machine that is not Linux, as far as serialport knows them. On Linux it
 * would run `udevadm`, which a container may not have: `ports.ts` looks for itself.
 */
export async function listSerialPorts(): Promise<SerialPortFacts[]> {
  const ports = await SerialPort.list();
  return ports.map(({ path, manufacturer, serialNumber, vendorId, productId }) => ({
    port: path,
    device: path,
    byId: undefined,
    byPath: undefined,
    driver: undefined,
    maker: manufacturer,
    product: undefined,
    serial: serialNumber,
    usb: vendorId === undefined ? undefined : `${vendorId}:${productId ?? "?"}`,
    holders: [],
    usable: true,
    latency: undefined,
    advice: [],
  }));
}

/** What serialport says when a port does not open, as one of our codes. */
export function openFailure(path: string, cause: Error, files = systemFiles): GatewayError {
  const message = cause.message.replace(/^Error:? /, "");
  for (const [pattern, code, remedy] of openFailures) {
    if (pattern.test(message)) {
      return new GatewayError(code, `${path}: ${message}; ${remedy(path, files)}`, { cause });
    }
  }
  return new GatewayError("E_SERIAL", `${path}: ${message}`, { cause });
}

/** The port's file descriptor, where the system has such a thing. */
function descriptorOf({ port }: SerialPort): Descriptor | undefined {
  if (port === undefined) return undefined;
  const fd: unknown = Reflect.get(port, "fd");
  const poller: unknown = Reflect.get(port, "poller");
  return typeof fd === "number" && poller instanceof Poller ? { fd, poller } : undefined;
}

/**
 * Discards what a port holds. The thread pool does it, sooner or later: what would be answered
 * meanwhile would be discarded too, and is not asked before.
 */
class Discards {
  readonly #port: SerialPort;
  readonly #send: (bytes: Uint8Array) => void;
  #underWay = 0;
  /** A line has one request at a time. */
  readonly #held: Uint8Array[] = [];

  constructor(port: SerialPort, send: (bytes: Uint8Array) => void) {
    this.#port = port;
    this.#send = send;
  }

  write(bytes: Uint8Array): void {
    if (this.#underWay > 0) this.#held.push(bytes);
    else this.#send(bytes);
  }

  begin(): void {
    this.#underWay += 1;
    this.#port.flush(() => {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const bytes of this.#held.splice(0)) this.#send(bytes);
    });
  }
}

function channelOf(port: SerialPort, path: string): ByteChannel {
  let closing = false;
  let ended = false;
  let listener: ((reason: GatewayError) => void) | undefined;
  const descriptor = descriptorOf(port);
  const end = (cause: unknown): void => {
    if (ended || closing) return;
    ended = true;
    const why = cause === null || cause === undefined ? "the port was closed" : messageOf(cause);
    listener?.(new GatewayError("E_DISCONNECTED", `${path}: ${why}`, { cause }));
  };
  const fail = (cause: unknown): void => {
    end(cause);
    if (port.isOpen) port.close();
  };
  port.on("close", end);
  port.on("error", fail);
  const send = (bytes: Uint8Array): void => {
    if (!port.isOpen || ended) return;
    let written = 0;
    try {
      // What waits in the stream already goes first.
      const atOnce = descriptor !== undefined && port.writableLength === 0;
      if (atOnce) written = writeNow(descriptor.fd, bytes);
    } catch (cause) {
      return fail(cause);
    }
    const rest = bytes.subarray(written);
    if (rest.length > 0) port.write(Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength));
  };
  const discards = new Discards(port, send);
  return {
    write: (bytes) => discards.write(bytes),
    onData(onData) {
      if (descriptor === undefined) port.on("data", onData);
      else readEach(descriptor, () => port.isOpen && !ended && !closing, { onData, onEnd: fail });
    },
    onClose(onClose) {
      listener = onClose;
    },
    discardInput() {
      // Best effort: some drivers cannot flush, and what comes anyway is drained by silence.
      if (port.isOpen) discards.begin();
    },
    setBreak(on) {
      return new Promise((resolve, reject) => {
        port.set({ ...swift, brk: on }, (cause) => {
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
