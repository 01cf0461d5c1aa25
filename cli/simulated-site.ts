/**
 * The simulated site: for each device with `simulate: true` a real Modbus server on a real socket,
 * and for a bus whose port is `simulated` a pair of pseudo terminals from socat. What comes back
 * is the configuration with the addresses of what runs.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simulate, waveform } from "../drivers/index.ts";
import type { SimulateOptions, Simulator, Wave } from "../drivers/index.ts";
import type { Platform } from "../telemetry/index.ts";
import { fieldFacts, GatewayError, messageOf, sleep } from "../telemetry/index.ts";
import type { ConfiguredDevice, LoadedConfig } from "./config.ts";

/** What a bus's `port` says when `up` is to make the line itself. */
const simulatedPort = "simulated";

export interface SimulatedSite extends AsyncDisposable {
  /** The configuration with real addresses; devices that cannot be simulated here are left out. */
  readonly loaded: LoadedConfig;
  /** One line for each simulated device: where it listens. */
  readonly running: readonly { readonly device: string; readonly address: string }[];
  /** What was left out, and the remedy. */
  readonly missing: readonly string[];
}

/** @throws E_ADDRESS_IN_USE, E_SERIAL */
export async function startSimulatedSite(
  loaded: LoadedConfig,
  platform: Platform,
): Promise<SimulatedSite> {
  await using parts = new AsyncDisposableStack();
  const missing: string[] = [];
  const buses = { ...loaded.config.buses };
  const lines = new Map<string, SerialLine>();
  for (const [name, bus] of Object.entries(buses)) {
    if (bus.port !== simulatedPort) continue;
    const line = await openSerialLine(platform).catch((error: unknown) => {
      missing.push(`bus ${name}: ${messageOf(error)} (apt-get install socat)`);
      return undefined;
    });
    if (line === undefined) continue;
    lines.set(name, parts.use(line));
    buses[name] = { ...bus, port: line.near };
  }
  const devices: ConfiguredDevice[] = [];
  const running: { device: string; address: string }[] = [];
  for (const device of loaded.devices) {
    const bus = typeof device.options["bus"] === "string" ? device.options["bus"] : undefined;
    const simulatedBus = bus !== undefined && loaded.config.buses[bus]?.port === simulatedPort;
    if (simulatedBus && !lines.has(bus)) continue;
    if (!device.common.simulate) {
      devices.push(device);
      continue;
    }
    const line = bus === undefined ? undefined : lines.get(bus);
    const settings = bus === undefined ? undefined : buses[bus];
    const listen: SimulateOptions["listen"] =
      line === undefined || settings === undefined
        ? {}
        : { serial: { ...settings, port: line.far } };
    const simulator = parts.use(await startSimulator(device, loaded, { listen, platform }));
    running.push({ device: device.id, address: simulator.address });
    const address = bus === undefined ? { address: simulator.address } : {};
    devices.push({ ...device, options: { ...device.options, ...address } });
  }
  const kept = parts.move();
  return {
    loaded: { ...loaded, config: { ...loaded.config, buses }, devices },
    running,
    missing,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function startSimulator(
  device: ConfiguredDevice,
  loaded: LoadedConfig,
  { listen, platform }: { listen: SimulateOptions["listen"]; platform: Platform },
): Promise<Simulator> {
  if (device.kind.name !== "modbus") {
    const why = `devices.${device.id}: only modbus devices can be simulated; use the sim driver`;
    throw new GatewayError("E_CONFIG", why);
  }
  const unit = typeof device.options["unit"] === "number" ? { unit: device.options["unit"] } : {};
  return simulate({
    profile: device.profileData,
    ...unit,
    values: valuesOf(device.id, loaded.config.simulation.seed),
    listen,
    clock: platform.clock,
  });
}

/** What a simulated device shows: the sim driver's waves, one load a channel. */
function valuesOf(id: string, seed: number): NonNullable<SimulateOptions["values"]> {
  // As many as the profile has fields.
  const waves = new Map<string, Wave>();
  const waveOf = (channel: string, field: string): Wave => {
    const key = `${channel} ${field}`;
    const wave = waves.get(key) ?? waveform(field, `${id} ${channel}`, seed);
    waves.set(key, wave);
    return wave;
  };
  return ({ measurement, channel, field }, time) => {
    if (fieldFacts(measurement, field)?.type === "text") return id;
    const parts = measurement === "energy_meter" && summed.has(field) ? phases : [channel];
    return parts.reduce((sum, part) => sum + waveOf(part, field)(time), 0);
  };
}

/** What a meter's total is the sum of, so that the phases add up. */
const phases = ["L1", "L2", "L3"];
const summed: ReadonlySet<string> = new Set([
  "active_power_w",
  "apparent_power_va",
  "reactive_power_var",
  "import_wh_total",
  "export_wh_total",
]);

interface SerialLine extends AsyncDisposable {
  /** Where the agent opens the line. */
  readonly near: string;
  /** Where the device opens it. */
  readonly far: string;
}

/** How long socat may take to make its two terminals. */
const socatPatience = { tries: 100, every: 50 };

async function openSerialLine(platform: Platform): Promise<SerialLine> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-"));
  const near = join(folder, "near");
  const far = join(folder, "far");
  const child = spawn("socat", [terminal(near), terminal(far)], { stdio: "ignore" });
  const dispose = async (): Promise<void> => {
    await ended(child);
    await rm(folder, { recursive: true, force: true });
  };
  const failures: unknown[] = [];
  child.once("error", (error) => void failures.push(error));
  for (let left = socatPatience.tries; left > 0 && failures.length === 0; left -= 1) {
    const there = await Promise.all([access(near), access(far)]).then(
      () => true,
      () => false,
    );
    if (there) return { near, far, [Symbol.asyncDispose]: dispose };
    await sleep(platform.clock, socatPatience.every);
  }
  await dispose();
  const why = failures.length === 0 ? "it made no terminals" : messageOf(failures[0]);
  throw new GatewayError("E_TOOL_MISSING", `socat: ${why}`);
}

function terminal(path: string): string {
  return `PTY,raw,echo=0,link=${path}`;
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill();
  });
}
