/**
 * `rackstreet doctor`: what is wrong with a Modbus line, the likeliest first, with what was seen
 * and what to do next. Only reads. Exits 65 when a line has a fault.
 */
import { readFile, realpath } from "node:fs/promises";
import { basename } from "node:path";
import type { Examined, LineToExamine } from "../../drivers/index.ts";
import { causes, examine, linesToExamine } from "../../drivers/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { defineCommand, durationArgument, jsonOption, print, printJson } from "../command.ts";
import { loadConfig } from "../config.ts";
import { exitCodes } from "../exit.ts";
import { rawTargetOf, wireOptions } from "../modbus-target.ts";
import type { WireArguments } from "../modbus-target.ts";
import { clock } from "../platform.ts";
import { renderTable } from "../table.ts";

interface DoctorArguments extends WireArguments {
  readonly config: string | undefined;
  readonly unit: string;
  readonly listen: string;
  readonly deep: boolean;
}

export const doctorCommand = defineCommand({
  command: "doctor [config]",
  describe: "Find what is wrong with a Modbus line",
  builder: (yargs) =>
    yargs
      .positional("config", { type: "string", describe: "Examine the lines of a configuration." })
      .options(wireOptions)
      .option("unit", { type: "string", default: "1", describe: "Unit ids: 1,3,10-12." })
      .option("listen", { type: "string", default: "3s", describe: "Listen this long first." })
      .option("deep", {
        type: "boolean",
        default: false,
        describe: "Try other speeds and parities for units that are silent.",
      })
      .option("json", jsonOption)
      .example("$0 doctor site.yaml", "every Modbus line of a configuration")
      .example("$0 doctor --port /dev/ttyUSB0 --baud 9600 --unit 1-4", "one serial line")
      .example("$0 doctor --port /dev/ttyUSB0 --unit 3 --deep", "also other speeds and parities"),
  handler: async ({ json, ...given }) => {
    const lines = await linesFor(given);
    const listen = durationArgument("listen", given.listen);
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    const reports: { readonly line: LineToExamine; readonly examined: Examined }[] = [];
    for (const line of lines) {
      const progress = (what: string): void => void process.stderr.write(`${line.name}: ${what}\n`);
      const latencyTimer = "bus" in line.at ? await latencyTimerOf(line.at.bus.port) : undefined;
      const options = { listen, deep: given.deep, latencyTimer, progress };
      const examined = await examine(line, options, { clock, signal: stop.signal });
      reports.push({ line, examined });
      if (!json) print(reportOf(line, examined));
    }
    if (json) printJson({ lines: reports.map(({ line, examined }) => summaryOf(line, examined)) });
    const faulty = reports.some(({ examined }) => !examined.diagnosis.healthy);
    if (faulty) process.exitCode = exitCodes.data;
  },
});

async function linesFor(given: DoctorArguments): Promise<LineToExamine[]> {
  const { config, address, port } = given;
  if (config === undefined) {
    const units = unitsOf(given.unit);
    const targets = units.map((unit) => rawTargetOf(given, unit));
    const buses = targets[0]?.buses ?? {};
    return linesToExamine(
      targets.map(({ options }) => ({ options, profile: undefined })),
      buses,
    );
  }
  if (address !== undefined || port !== undefined) {
    throw new GatewayError("E_USAGE", "give a configuration, or --address or --port, not both");
  }
  const { devices, config: valid } = await loadConfig(config);
  const modbus = devices.filter(({ kind, common }) => kind.name === "modbus" && !common.simulate);
  if (modbus.length === 0) {
    throw new GatewayError("E_USAGE", `${config} has no Modbus device that is not simulated`);
  }
  return linesToExamine(
    modbus.map(({ options, profileData }) => ({ options, profile: profileData })),
    valid.buses,
  );
}

/** Most units of one examination: each takes seconds. */
const mostUnits = 32;

/** `1,3,10-12` → the numbers. @throws E_USAGE */
function unitsOf(text: string): number[] {
  const units = text.split(",").flatMap((part) => {
    const [, from = "", to = from] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(part.trim()) ?? [];
    const [first, last] = [Number(from || Number.NaN), Number(to || Number.NaN)];
    return Number.isNaN(first) || last > 255 || last < first
      ? [Number.NaN]
      : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  if (units.length > 0 && units.length <= mostUnits && !units.includes(Number.NaN)) return units;
  throw new GatewayError("E_USAGE", `--unit ${text}: at most ${mostUnits} ids, like 1,3,10-12`);
}

/** What the kernel says of a USB adapter; undefined for any other port. @unit ms */
async function latencyTimerOf(port: string): Promise<number | undefined> {
  try {
    const name = basename(await realpath(port));
    const text = await readFile(`/sys/bus/usb-serial/devices/${name}/latency_timer`, "utf8");
    const timer = Number(text);
    return Number.isFinite(timer) ? timer : undefined;
  } catch {
    // No such file: not an adapter with such a timer, and not this function's business.
    return undefined;
  }
}

function summaryOf({ name }: LineToExamine, { diagnosis, evidence }: Examined): unknown {
  const { findings, healthy, units } = diagnosis;
  return {
    line: name,
    healthy,
    findings: findings.map((finding) => ({ ...finding, ...causes[finding.cause] })),
    units,
    listened: evidence.listening.duration,
    settings: evidence.settings,
  };
}

function reportOf({ name }: LineToExamine, { diagnosis }: Examined): string {
  const { findings, healthy, units } = diagnosis;
  const head = healthy ? `${name}: healthy` : `${name}: a fault was found`;
  const list = findings.flatMap(({ cause, likelihood, evidence }, index) => [
    "",
    `${index + 1}. ${causes[cause].title} (${Math.round(likelihood * 100)} %)`,
    ...evidence.map((line) => `   seen: ${line}`),
    `   next: ${causes[cause].remedy}`,
  ]);
  const rows = units.map(({ unit, tally }) =>
    [unit, tally.tried, tally.answered, tally.late, tally.broken, tally.silent].map(String),
  );
  const table =
    rows.length === 0
      ? []
      : ["", renderTable(["unit", "asked", "answered", "late", "broken", "silent"], rows)];
  return [head, ...list, ...table, ""].join("\n");
}
