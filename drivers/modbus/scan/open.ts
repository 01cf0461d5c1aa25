/** Opens the wires that a search listens on. */
import type { Address } from "../../../config/index.ts";
import { addressText } from "../../../config/index.ts";
import type { Clock } from "../../../telemetry/index.ts";
import type { ByteChannel } from "../../transport/channel.ts";
import type { SerialBus } from "../../transport/options.ts";
import { openSerial } from "../../transport/serial.ts";
import { connectTcp } from "../../transport/tcp.ts";
import { frameSilence } from "../rtu.ts";
import { characterTime } from "../../transport/timing.ts";
import { RtuWire } from "./rtu-wire.ts";
import { TcpWire } from "./tcp-wire.ts";
import type { Wire } from "./wire.ts";

/** A USB adapter hands bytes over up to 16 ms late (FTDI latency timer). @unit ms */
const adapterSettle = 20;

/** A network adds more than an adapter does. @unit ms */
const networkSettle = 50;

/** Longest wait for a connection: a host that is there answers at once. @unit ms */
const connectLimit = 1500;

/** How characters go over a line. */
export type LineTiming = Pick<SerialBus, "baud" | "parity" | "dataBits" | "stopBits">;

/** @throws E_SERIAL and its kin */
export async function openSerialWire(
  port: string,
  setting: LineTiming,
  clock: Clock,
): Promise<Wire> {
  const channel = await openSerial({ port, ...setting, turnaround: undefined });
  return serialWire({ channel, clock, name: port }, setting);
}

/** The timing of a serial line around its bytes. */
export function serialWire(
  over: { readonly channel: ByteChannel; readonly clock: Clock; readonly name: string },
  setting: LineTiming,
): Wire {
  const character = characterTime(setting);
  const gap = frameSilence(setting.baud, character);
  return new RtuWire({ ...over, character, gap, settle: Math.max(adapterSettle, 2 * gap) });
}

/** @throws E_CONNECT */
export async function openNetworkWire(
  address: Address,
  clock: Clock,
  signal: AbortSignal,
): Promise<Wire> {
  const { scheme, host, port } = address;
  const name = addressText(address);
  const attempt = new AbortController();
  const giveUp = (): void => attempt.abort(signal.reason);
  const timer = clock.after(connectLimit, giveUp);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const channel = await connectTcp({ host, port }, attempt.signal);
    if (scheme === "tcp") return new TcpWire({ channel, clock, name });
    return new RtuWire({ channel, clock, name, character: 0, gap: 0, settle: networkSettle });
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", giveUp);
  }
}
