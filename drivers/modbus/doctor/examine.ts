/** Examines real lines: serial ports and network addresses, as the configuration names them. */
import type { Address } from "../../../config/index.ts";
import { addressText, v } from "../../../config/index.ts";
import type { Clock } from "../../../telemetry/index.ts";
import { GatewayError, invariant } from "../../../telemetry/index.ts";
import { profileSchema } from "../../../config/index.ts";
import type { SerialBus } from "../../transport/options.ts";
import { serialBusOptions } from "../../transport/options.ts";
import { openSerial } from "../../transport/serial.ts";
import { connectTcp } from "../../transport/tcp.ts";
import { serialTiming } from "../cost.ts";
import type { ModbusOptions } from "../options.ts";
import { modbusOptionsSchema } from "../options.ts";
import type { Span } from "../pdu.ts";
import { planReads } from "../plan.ts";
import { limitsOf, modbusProfile, rowsOf } from "../profile.ts";
import type { Examination, UnitToAsk } from "./collect.ts";
import { collect } from "./collect.ts";
import type { Diagnosis } from "./diagnose.ts";
import { diagnose } from "./diagnose.ts";
import type { Evidence } from "./evidence.ts";

/** One line with what is known of the units on it. */
export interface LineToExamine {
  /** `/dev/ttyUSB0`, `tcp://10.0.0.7:502` */
  readonly name: string;
  readonly at: { readonly bus: SerialBus } | { readonly address: Address };
  readonly units: readonly UnitToAsk[];
  /** @unit ms */
  readonly timeout: number;
}

export interface ExamineOptions {
  /** @unit ms */
  readonly listen: number;
  readonly deep: boolean;
  /** What the operating system says of the adapter. @unit ms */
  readonly latencyTimer: number | undefined;
  readonly progress: (what: string) => void;
}

export interface Examined {
  readonly diagnosis: Diagnosis;
  readonly evidence: Evidence;
}

/** Collects and diagnoses; what keeps a line from opening is a diagnosis too. */
export async function examine(
  { at, units, timeout }: LineToExamine,
  options: ExamineOptions,
  platform: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Examined> {
  const wire = "bus" in at ? serialWire(at.bus) : networkWire(at.address);
  const evidence = await collect({ ...options, ...wire, units, timeout }, platform);
  return { diagnosis: diagnose(evidence), evidence };
}

function serialWire(bus: SerialBus): Pick<Examination, "wire" | "settings" | "open"> {
  const { baud, parity, dataBits, stopBits } = bus;
  return {
    wire: "serial",
    settings: { baud, parity, dataBits, stopBits },
    open: (settings) => openSerial({ ...bus, ...settings }),
  };
}

function networkWire({
  scheme,
  host,
  port,
}: Address): Pick<Examination, "wire" | "settings" | "open"> {
  return {
    wire: scheme === "rtu+tcp" ? "rtu+tcp" : "tcp",
    settings: undefined,
    open: (_settings, signal) => connectTcp({ host, port }, signal),
  };
}

/** A device of a configuration, its options and its profile unparsed. */
export interface DeviceOnLine {
  readonly options: unknown;
  readonly profile: unknown;
}

/**
 * The lines that devices hang on, each with its units and registers known to be there.
 * @throws E_CONFIG
 */
export function linesToExamine(
  devices: readonly DeviceOnLine[],
  buses: Readonly<Record<string, unknown>>,
): LineToExamine[] {
  const lines = new Map<string, LineToExamine>();
  for (const { options: given, profile } of devices) {
    const options = v.parse(modbusOptionsSchema, given);
    const { name, at } = placeOfLine(options, buses);
    const known = lines.get(name);
    const unit = { unit: options.unit, span: longestBlock(profile) };
    const units = [...(known?.units ?? []), unit];
    const timeout = Math.max(known?.timeout ?? 0, options.timeout);
    lines.set(name, { name, at, units, timeout });
  }
  return [...lines.values()];
}

function placeOfLine(
  { address, bus }: ModbusOptions,
  buses: Readonly<Record<string, unknown>>,
): Pick<LineToExamine, "name" | "at"> {
  if (address !== undefined) return { name: addressText(address), at: { address } };
  const parsed = v.safeParse(serialBusOptions, buses[bus]);
  if (!parsed.success) {
    throw new GatewayError("E_CONFIG", `bus "${bus}": ${parsed.issues[0].message}`);
  }
  return { name: parsed.output.port, at: { bus: parsed.output } };
}

const profileForm = profileSchema("modbus", modbusProfile);

/** How long the blocks of a plan are hardly depends on it. */
const usualLine = { baud: 9600, parity: "none", dataBits: 8, stopBits: 1 } as const;

/** The longest request that the device's profile makes. */
function longestBlock(data: unknown): Span | undefined {
  const parsed = v.safeParse(profileForm, data);
  if (!parsed.success) return undefined;
  const profile = parsed.output;
  const spans = rowsOf(profile).flatMap(({ fields }) => fields.map(({ span }) => span));
  const rules = { limits: limitsOf(profile.header), timing: serialTiming(usualLine) };
  const blocks = planReads(spans, rules);
  invariant(blocks.length > 0, "a profile reads something");
  const { table, at, count } = blocks.reduce((a, b) => (b.count > a.count ? b : a));
  return { table, at, count };
}
