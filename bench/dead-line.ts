/**
 * A serial line under virtual time with units that answer or do not, and the agent's own poller,
 * sessions and line on it: for `bench/dead-devices.ts`.
 */
import type { PolledDevice } from "../agent/poller.ts";
import { Poller } from "../agent/poller.ts";
import { profileSchema, v } from "../config/index.ts";
import { Line } from "../drivers/modbus/line.ts";
import { dataBytes, decodeReadRequest, encodeReadReply } from "../drivers/modbus/pdu.ts";
import { modbusProfile } from "../drivers/modbus/profile.ts";
import { encodeRtu, frameSilence, RtuFraming } from "../drivers/modbus/rtu.ts";
import { serialTiming } from "../drivers/modbus/cost.ts";
import { ModbusSession } from "../drivers/modbus/session.ts";
import type { ByteChannel } from "../drivers/transport/channel.ts";
import { characterTime } from "../drivers/transport/timing.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../test/virtual.ts";

/** Of a character. */
const form = { parity: "none", dataBits: 8, stopBits: 1 } as const;

export interface DeadLineSetup {
  readonly baud: number;
  /** A profile as its file holds it. */
  readonly profile: unknown;
  readonly devices: number;
  /** As people configure it. @unit ms */
  readonly interval: number;
  readonly timeout: number;
  /** How long a device takes to answer. @unit ms */
  readonly think: number;
}

export class DeadLine {
  readonly clock = new VirtualClock();
  readonly dead = new Set<number>();
  /** When each unit was read in full. @unit ms, monotonic */
  readonly read = new Map<number, number[]>();
  /** How long the line was in use: frames, think times, waits, silences. @unit ms */
  busy = 0;
  readonly poller: Poller;
  readonly #setup: DeadLineSetup;
  readonly #character: number;

  constructor(setup: DeadLineSetup) {
    this.#setup = setup;
    const { baud, devices } = setup;
    this.#character = characterTime({ baud, ...form });
    const line = new Line(
      {
        name: "line",
        connect: () => Promise.resolve(this.#channel()),
        framing: new RtuFraming(),
        reconnects: false,
        gap: frameSilence(baud, this.#character),
        quiet: 20,
        character: this.#character,
      },
      this.clock,
    );
    const units = Array.from({ length: devices }, (_, index) => index + 1);
    this.poller = new Poller(
      units.map((unit) => this.#device(unit, line)),
      {
        read: ({ id }) => void this.read.get(Number(id))?.push(this.clock.monotonic()),
        heard: () => {},
        failed: () => {},
      },
      { clock: this.clock, entropy: new SeededEntropy(1), log: silentLog },
    );
  }

  #device(unit: number, line: Line): PolledDevice {
    const { baud, interval, timeout, profile } = this.#setup;
    this.read.set(unit, []);
    const session = new ModbusSession({
      profile: v.parse(profileSchema("modbus", modbusProfile), profile),
      endpoint: {},
      unit: { unit, timeout, pause: 0 },
      exchange: async (exchange, signal) => {
        const began = this.clock.monotonic();
        try {
          return await line.exchange(exchange, signal);
        } finally {
          this.busy += this.clock.monotonic() - began;
        }
      },
      timing: serialTiming({ baud, ...form, turnaround: undefined }),
      release: () => Promise.resolve(),
      clock: this.clock,
      memory: undefined,
    });
    return { id: `${unit}`, session, busKey: "line", interval };
  }

  #channel(): ByteChannel {
    let listener: ((bytes: Uint8Array) => void) | undefined;
    return {
      write: (frame) => {
        const [unit = 0] = frame;
        const span = decodeReadRequest(frame.subarray(1, -2));
        if (span === undefined || this.dead.has(unit)) return;
        const reply = encodeRtu(unit, encodeReadReply(span, new Uint16Array(span.count)));
        const bytes = frame.length + dataBytes(span) + 5;
        this.clock.after(bytes * this.#character + this.#setup.think, () => listener?.(reply));
      },
      onData: (onData) => {
        listener = onData;
      },
      onClose: () => {},
      discardInput: () => {},
      close: () => Promise.resolve(),
    };
  }
}
