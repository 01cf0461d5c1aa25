/**
 * The wire of a device that is reached over a serial bus or over TCP (a serial server): how the
 * configuration names it, and how it is opened.
 */
import type { Address, Schema } from "../../config/index.ts";
import { address, addressText, option, text, v } from "../../config/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { ByteChannel } from "./channel.ts";
import type { SerialBus } from "./options.ts";
import { serialBusOptions } from "./options.ts";
import { openSerial } from "./serial.ts";
import { connectTcp } from "./tcp.ts";

export interface WireOptions {
  readonly address?: Address | undefined;
  readonly bus?: string | undefined;
}

/** Where Moxa's serial servers listen as they come from the maker, and many others do. */
const serialServerPort = 4001;

/** Options of a device on a wire. */
export function wireOptions(port = serialServerPort): {
  readonly address: Schema<Address | undefined>;
  readonly bus: Schema<string | undefined>;
} {
  return {
    address: v.optional(
      option(address({ tcp: port }), {
        about: "Where a serial server listens that carries the bytes over TCP.",
        example: `tcp://10.0.0.7:${port}`,
      }),
    ),
    bus: v.optional(
      option(text, { about: "Name of the serial bus the device hangs on.", example: "rs485" }),
    ),
  };
}

/** What is wrong with the two together; undefined: nothing. */
export function wireProblem({ address, bus }: WireOptions): string | undefined {
  if (address !== undefined && bus !== undefined) return "give either `address` or `bus`, not both";
  if (address !== undefined || bus !== undefined) return undefined;
  return "give `address` (tcp://HOST:PORT) or `bus` (the name of a serial bus)";
}

/** The options of a device, of which exactly one names its wire. */
export function onWire<Options extends WireOptions>(form: Schema<Options>): Schema<Options> {
  return v.pipe(
    form,
    v.rawCheck(({ dataset, addIssue }) => {
      const problem = dataset.typed ? wireProblem(dataset.value) : undefined;
      if (problem !== undefined) addIssue({ message: problem });
    }),
  );
}

type Buses = Readonly<Record<string, unknown>>;

/**
 * The settings of a serial bus of the configuration.
 * @throws E_CONFIG
 */
export function busNamed(name: string, buses: Buses): SerialBus {
  const entry = buses[name];
  if (entry === undefined) {
    const known = Object.keys(buses).join(", ") || "none";
    throw new GatewayError("E_CONFIG", `there is no bus "${name}"; known: ${known}`);
  }
  const parsed = v.safeParse(serialBusOptions, entry);
  if (parsed.success) return parsed.output;
  throw new GatewayError("E_CONFIG", `bus "${name}": ${parsed.issues[0].message}`);
}

/** Names the wire that only one request may use at a time. @throws E_CONFIG */
export function wireKey({ address, bus }: WireOptions, buses: Buses): string {
  if (address !== undefined) return `tcp://${address.host}:${address.port}`;
  return `serial:${busNamed(bus ?? "", buses).port}`;
}

/** Where a device is, for people and for `Origin`. @throws E_CONFIG */
export function wireEndpoint({ address, bus = "" }: WireOptions, buses: Buses) {
  if (address !== undefined) return { address: addressText(address) };
  const { port, baud, parity, dataBits, stopBits } = busNamed(bus, buses);
  return { bus, port, line: `${baud} ${dataBits}${parity[0]?.toUpperCase()}${stopBits}` };
}

/**
 * Opens a wire for this process alone.
 * @throws E_CONFIG, E_CONNECT, E_SERIAL_MISSING, E_SERIAL_PERMISSION, E_SERIAL_BUSY, E_SERIAL
 */
export function openWire(
  { address, bus = "" }: WireOptions,
  buses: Buses,
  signal: AbortSignal,
): Promise<ByteChannel> {
  if (address !== undefined) return connectTcp({ host: address.host, port: address.port }, signal);
  return openSerial(busNamed(bus, buses));
}
