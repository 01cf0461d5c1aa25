/**
 * `rackstreet plan`: which requests read each device, how long they take, and whether each bus has
 * the time for what is asked of it. From configuration and profiles alone: nothing is read.
 */
import type { Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { BusLoad, DeviceLoad } from "../bus-load.ts";
import { busLoads, mostUnitLoads, percent } from "../bus-load.ts";
import { configArgument, defineCommand, jsonOption, openPlatform } from "../command.ts";
import { print, printJson } from "../command.ts";
import type { LoadedConfig } from "../config.ts";
import { exitCodes } from "../exit.ts";
import { adviceFor } from "../plan-advice.ts";
import type { PlannedDevice } from "../planned-site.ts";
import { busName, openPlannedSite } from "../planned-site.ts";
import { renderTable } from "../table.ts";
import { shownDuration } from "../values.ts";

export const planCommand = defineCommand({
  command: "plan <config>",
  describe: "Show the requests of each device and how busy they keep each bus",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("device", { type: "string", describe: "Only the requests of this device." })
      .option("json", jsonOption)
      .example("$0 plan site.yaml", "every request, its time, and whether each bus has room")
      .example("$0 plan site.yaml --device rack-12-meter", "one device, and its bus")
      .epilogue(
        "Times are worked out from line settings, silences and what devices usually take; " +
          "nothing is read. Exit code 65 when a bus is asked for more than its time.",
      ),
  handler: async ({ config, device, json }) => {
    const { loaded, platform } = await openPlatform(config, "warn");
    await using site = await openPlannedSite(loaded, platform);
    const buses = await shownBuses(site.devices, device, { loaded, platform });
    if (json) printJson({ buses: buses.map(jsonOf), verdict: worst(buses) });
    else print(textOf(buses, device !== undefined));
    if (worst(buses) === "overbooked") process.exitCode = exitCodes.data;
  },
});

/** A bus with all that is said of it. */
interface ShownBus {
  readonly name: string;
  readonly bus: BusLoad;
  /** Those whose requests are shown. */
  readonly devices: readonly DeviceLoad[];
  readonly advice: readonly string[];
}

async function shownBuses(
  devices: readonly PlannedDevice[],
  only: string | undefined,
  given: { readonly loaded: LoadedConfig; readonly platform: Platform },
): Promise<ShownBus[]> {
  if (only !== undefined && !devices.some(({ id }) => id === only)) {
    const ids = devices.map(({ id }) => id).join(", ");
    throw new GatewayError("E_USAGE", `no device ${only}; the configuration has: ${ids}`);
  }
  const shown: ShownBus[] = [];
  for (const bus of busLoads(devices)) {
    const those = bus.devices.filter(({ id }) => only === undefined || id === only);
    if (those.length === 0) continue;
    const advice = await adviceFor(bus, devices, given);
    shown.push({ name: busName(bus, devices), bus, devices: those, advice });
  }
  if (only !== undefined && shown.length === 0) {
    const driver = given.loaded.devices.find(({ id }) => id === only)?.kind.name ?? "";
    throw new GatewayError("E_USAGE", `${only}: the driver ${driver} has no plan to show`);
  }
  return shown;
}

const order = ["ok", "tight", "overbooked"] as const;

function worst(buses: readonly ShownBus[]): BusLoad["verdict"] {
  return order[Math.max(0, ...buses.map(({ bus }) => order.indexOf(bus.verdict)))] ?? "ok";
}

function textOf(buses: readonly ShownBus[], closely: boolean): string {
  if (buses.length === 0) return "nothing to plan: no device of this configuration has a read plan";
  return [...buses.map((bus) => busText(bus, closely)), `verdict: ${worst(buses)}`].join("\n\n");
}

function busText({ name, bus, devices, advice }: ShownBus, closely: boolean): string {
  const loads = bus.unitLoads === undefined ? "" : `, ${shownLoads(bus)}`;
  return [
    name,
    requestTable(devices, closely),
    renderTable(["rate", "devices", "requests", "a cycle takes", "load"], rateRows(bus)),
    `load ${percent(bus.load)}${loads}: ${bus.verdict}`,
    ...(bus.late
      ? ["some beats will be left out: slow groups make a cycle longer than its interval"]
      : []),
    ...advice.map((one) => `  - ${one}`),
  ].join("\n");
}

function shownLoads({ unitLoads = 0 }: BusLoad): string {
  return `${Number(unitLoads.toFixed(2))} of ${mostUnitLoads} unit loads`;
}

/** Each request; looked at closely, with what its time consists of. */
function requestTable(devices: readonly DeviceLoad[], closely: boolean): string {
  const requests = devices.flatMap(({ id, beats }) =>
    beats.flatMap(({ every, requests }) => requests.map((one) => ({ id, every, ...one }))),
  );
  const parts = closely ? Object.keys(requests[0]?.parts ?? {}) : [];
  const rows = requests.map(({ id, every, at, reads, wanted, ms, parts: of }) => {
    const times = [ms, ...parts.map((part) => of[part] ?? 0)].map((time) => time.toFixed(1));
    return [id, shownDuration(every), at, String(reads), String(wanted), ...times];
  });
  return renderTable(["device", "every", "request", "reads", "wanted", "ms", ...parts], rows);
}

function rateRows({ rates }: BusLoad): string[][] {
  return rates.map(({ every, devices, requests, cycle, share }) => [
    shownDuration(every),
    String(devices),
    String(requests),
    `${cycle.toFixed(0)} ms`,
    percent(share),
  ]);
}

function jsonOf({ name, bus, devices, advice }: ShownBus): unknown {
  const { key, rates, load, late, unitLoads, verdict } = bus;
  return rounded({ name, key, devices, rates, load, late, unitLoads, verdict, advice });
}

/** Sums of fractions without their noise. */
function rounded(value: unknown): unknown {
  const text = JSON.stringify(value, (_key, one: unknown) =>
    typeof one === "number" ? Number(one.toFixed(4)) : one,
  );
  const clean: unknown = JSON.parse(text);
  return clean;
}
