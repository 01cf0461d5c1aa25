/** What hangs on the bus: our adapter as a byte channel, devices, and another master. */
import type { LineSettings } from "../../../../drivers/modbus/doctor/index.ts";
import {
  dataBytes,
  decodeReadRequest,
  encodeException,
  encodeRead,
  encodeReadReply,
} from "../../../../drivers/modbus/pdu.ts";
import { crcFits, encodeRtu } from "../../../../drivers/modbus/rtu.ts";
import type { ByteChannel } from "../../../../drivers/transport/channel.ts";
import type { Bus } from "./bus.ts";
import type { Received } from "./uart.ts";
import { characterTimeOf, Receiver } from "./uart.ts";

export interface AdapterOptions {
  readonly inverted?: boolean;
  readonly hearsItself?: boolean;
  /** The driver stays on this long. @unit ms */
  readonly hold?: number;
  /** Bytes are handed over at multiples of this. @unit ms */
  readonly grid?: number;
}

/** An FTDI chip hands a full packet over at once. @unit bytes */
const packet = 62;

/** Our side of the bus. */
export function adapterOf(
  bus: Bus,
  settings: LineSettings,
  { inverted = false, hearsItself = false, hold = 0, grid = 1 }: AdapterOptions = {},
): ByteChannel {
  const { clock, random } = bus.options;
  const receiver = new Receiver(settings, clock.monotonic());
  const signal = bus.heardBy("adapter", { inverted, hearsItself });
  const phase = random() * grid;
  let listener: (bytes: Uint8Array) => void = () => {};
  let closed = false;
  let held: number[] = [];
  let until = clock.monotonic() + 20;
  let polling = false;
  const poll = (): void => {
    polling = false;
    if (closed) return;
    const now = clock.monotonic();
    // Parity and framing errors are not looked at, as serialport opens a port (IGNPAR).
    held.push(...receiver.receive(signal, now).map(({ byte }) => byte));
    const due = grid <= 1 || Math.abs(((now - phase) % grid) - 0) < 0.6 || held.length >= packet;
    if (held.length > 0 && due) {
      const bytes = Uint8Array.from(held);
      held = [];
      listener(bytes);
    }
    if (now < until + 12 * characterTimeOf(settings) + 2 || held.length > 0) schedule();
  };
  const schedule = (): void => {
    if (polling || closed) return;
    polling = true;
    const now = clock.monotonic();
    const step = grid <= 1 ? grid : 1;
    const next = phase + (Math.floor((now - phase) / step + 1e-6) + 1) * step;
    clock.after(Math.max(0.05, next - now), poll);
  };
  bus.onActivity((end) => {
    until = Math.max(until, end);
    schedule();
  });
  schedule();
  return {
    write: (bytes) => {
      if (!closed) bus.send(bytes, { node: "adapter", settings, hold, inverted, strength: 2 });
    },
    onData: (heard) => {
      listener = heard;
    },
    onClose: () => {},
    discardInput: () => {},
    close: () => {
      closed = true;
      return Promise.resolve();
    },
  };
}

export interface DeviceOptions {
  readonly name: string;
  readonly unit: number;
  readonly settings: LineSettings;
  /** From the end of a request to the reply. @unit ms */
  readonly latency: () => number;
  /** Registers from 0 on. */
  readonly words: readonly number[];
  /** Deaf for this long behind a reply. @unit ms */
  readonly rest?: number;
  /** Rest between its characters. @unit ms */
  readonly spacing?: number;
  readonly strength?: number;
}

/** A device as most are: looks at whole frames, drops those with a wrong bit, answers the rest. */
export function addDevice(bus: Bus, options: DeviceOptions): void {
  const { name, unit, settings, words, rest = 0, spacing = 0, strength = 1 } = options;
  let deafUntil = 0;
  onFrames(bus, { name, settings }, (frame, clean) => {
    if (!clean || frame.length !== 8 || frame[0] !== unit || !crcFits(frame)) return;
    const { clock } = bus.options;
    if (clock.monotonic() < deafUntil) return;
    const pdu = frame.slice(1, -2);
    const span = decodeReadRequest(pdu);
    const there = span !== undefined && span.count > 0 && span.at + span.count <= words.length;
    const values = there ? words.slice(span.at, span.at + span.count) : [];
    const reply = there ? encodeReadReply(span, values) : encodeException(pdu, 2);
    clock.after(options.latency(), () => {
      const sent = bus.send(encodeRtu(unit, reply), { node: name, settings, spacing, strength });
      deafUntil = sent + rest;
    });
  });
}

interface Hearing {
  readonly name: string;
  readonly settings: LineSettings;
}

/** Frames as a device takes them: characters with less than 3.5 of silence between them. */
function onFrames(
  bus: Bus,
  { name, settings }: Hearing,
  take: (frame: Uint8Array, clean: boolean) => void,
): void {
  const { clock } = bus.options;
  const character = characterTimeOf(settings);
  const silence = settings.baud > 19_200 ? 1.75 : 3.5 * character;
  const receiver = new Receiver(settings, clock.monotonic());
  const signal = bus.heardBy(name);
  let pending: Received[] = [];
  let activeUntil = 0;
  bus.onActivity((until) => {
    activeUntil = Math.max(activeUntil, until);
    clock.after(Math.max(0, until - clock.monotonic()) + silence + character, () => {
      if (clock.monotonic() + 1e-6 < activeUntil + silence) return;
      pending.push(...receiver.receive(signal, clock.monotonic()));
      for (const group of groupsOf(pending, silence + character)) {
        const clean = group.every(({ parityError, framingError }) => !parityError && !framingError);
        const late = clock.monotonic() - (group.at(-1)?.at ?? 0) > 3 * silence + 5;
        if (!late)
          take(
            Uint8Array.from(group, ({ byte }) => byte),
            clean,
          );
      }
      pending = [];
    });
  });
}

function groupsOf(received: readonly Received[], silence: number): Received[][] {
  const groups: Received[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const one of received) {
    if (one.at - last > silence) groups.push([]);
    groups.at(-1)?.push(one);
    last = one.at;
  }
  return groups;
}

export interface MasterOptions {
  readonly settings: LineSettings;
  readonly unit: number;
  /** @unit ms */
  readonly every: () => number;
}

/** Another master, which asks a unit again and again and minds nobody else. */
export function addMaster(bus: Bus, { settings, unit, every }: MasterOptions): void {
  const span = { table: "holding", at: 0, count: 4 } as const;
  const ask = (): void => {
    bus.send(encodeRtu(unit, encodeRead(span)), { node: "other master", settings });
    bus.options.clock.after(every(), ask);
  };
  bus.options.clock.after(every(), ask);
}

/** Bytes of a reply with this many registers. */
export function replyBytes(count: number): number {
  return dataBytes({ table: "holding", at: 0, count }) + 5;
}
