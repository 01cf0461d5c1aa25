/**
 * `rackstreet scan`: who is there on a serial line or a network, what they are, and a
 * configuration that reads them. Reads only.
 */
import { existsSync } from "node:fs";
import { stableName } from "../../drivers/index.ts";
import { defineCommand, durationArgument, jsonOption, print, printJson, Stop } from "../command.ts";
import type { Library } from "../config.ts";
import { loadLibrary } from "../config.ts";
import { exitCodes } from "../exit.ts";
import { writeOutput } from "../output.ts";
import { clock } from "../platform.ts";
import { counted } from "../values.ts";
import { Progress } from "../progress.ts";
import { systemFiles } from "../system-files.ts";
import type { ScanResult, ScanWishes } from "../scan-run.ts";
import { scanNetwork, scanSerial } from "../scan-run.ts";
import type { NamedDevice } from "../scan-site.ts";
import { busSetting, namedDevices, siteYaml } from "../scan-site.ts";
import { renderTable } from "../table.ts";
import { GatewayError } from "../../telemetry/index.ts";

export const scanCommand = defineCommand({
  command: "scan",
  describe: "Find Modbus devices of unknown address and speed, and write their configuration",
  builder: (yargs) =>
    yargs
      .option("port", { type: "string", describe: "A serial port; `rackstreet ports` lists them." })
      .option("baud", { type: "string", describe: "Speeds: 9600,19200. Default: the usual ones." })
      .option("parity", {
        type: "string",
        describe: "Parities: none,even,odd. Default: none,even.",
      })
      .option("address", {
        type: "string",
        array: true,
        default: [],
        describe: "tcp://HOST[:PORT], tcp://10.0.0.5-20, tcp://10.0.0.0/24, rtu+tcp://HOST:PORT.",
      })
      .option("units", { type: "string", describe: "Unit ids: 1-247, or 1-20,50." })
      .option("timeout", { type: "string", describe: "Silence after which nobody is there." })
      .option("function", {
        type: "number",
        choices: [3, 4],
        default: 3,
        describe: "What is asked.",
      })
      .option("expect", { type: "number", describe: "Stop when this many were found." })
      .option("all", { type: "boolean", default: false, describe: "Every unit at every setting." })
      .option("resume", { type: "string", describe: "A file to go on from after a cut." })
      .option("profiles", { type: "string", describe: "A folder with profiles of your own, too." })
      .option("out", {
        type: "string",
        describe: "Write a configuration that reads what was found.",
      })
      .option("force", { type: "boolean", default: false, describe: "Overwrite --out." })
      .option("json", jsonOption)
      .example("$0 scan --port /dev/ttyUSB0 --out site.yaml", "the usual speeds, all addresses")
      .example(
        "$0 scan --port /dev/ttyUSB0 --baud 9600 --parity even --units 1-40",
        "what is known",
      )
      .example("$0 scan --address tcp://10.0.0.0/24 --out site.yaml", "a network, with gateways")
      .epilogue(
        "Nothing is written to a device. Stop what else reads the line first: it has one master.",
      ),
  handler: async ({ json, out, force, profiles, timeout, ...given }) => {
    if (out !== undefined && existsSync(out) && !force) {
      throw new GatewayError("E_USAGE", `${out} is there already; --force overwrites it`);
    }
    const silence = timeout === undefined ? undefined : durationArgument("timeout", timeout);
    const library = await loadLibrary(profiles);
    const result = await search({ ...given, timeout: silence }, library);
    const devices = namedDevices(result.devices, library);
    const yaml = siteYaml(devices, headOf(result, devices));
    if (out !== undefined && !result.stopped) await writeOutput(out, yaml);
    const next = nextSteps(devices, out);
    if (json) printJson({ ...result, devices, next });
    else show(result, devices, { yaml: out === undefined ? yaml : undefined, next });
    if (result.stopped) process.exitCode = exitCodes.tryLater;
  },
});

async function search(wishes: ScanWishes, library: Library): Promise<ScanResult> {
  const { port, address } = wishes;
  if ((port === undefined) === (address.length === 0)) {
    throw new GatewayError("E_USAGE", "give --port PORT or --address tcp://HOST");
  }
  using stop = new Stop(undefined);
  const ending = new AbortController();
  void stop.asked.then(() => ending.abort());
  using progress = new Progress(clock);
  const parts = { library, clock, progress, signal: ending.signal };
  return port === undefined
    ? await scanNetwork(wishes, parts)
    : await scanSerial(wishes, await stableName(systemFiles, port), parts);
}

/** What stands on top of the configuration. */
function headOf({ told, suspicions }: ScanResult, devices: readonly NamedDevice[]): string[] {
  const date = new Date(clock.now()).toISOString().slice(0, 10);
  return [
    `Written by \`rackstreet scan\` on ${date}: ${countsOf(devices)}.`,
    ...told,
    ...suspicions.map(({ where, what }) => `SUSPICION at ${where}: ${what}.`),
  ];
}

function countsOf(devices: readonly NamedDevice[]): string {
  const unknown = devices.filter(({ profile }) => profile === undefined).length;
  const found = counted(devices.length, "device");
  return unknown === 0 ? found : `${found}, ${unknown} of them not recognised`;
}

interface Shown {
  /** The configuration, when it goes nowhere else. */
  readonly yaml: string | undefined;
  readonly next: readonly string[];
}

function show(result: ScanResult, devices: readonly NamedDevice[], { yaml, next }: Shown): void {
  if (devices.length > 0) {
    const head = ["name", "where", "unit", "answers in", "profile", "sure", "because"];
    print(renderTable(head, devices.map(row)));
  }
  for (const { name, notes } of devices) for (const note of notes) print(`${name}: ${note}`);
  for (const { where, what } of result.suspicions) print(`suspicion at ${where}: ${what}`);
  for (const sentence of result.told) print(sentence);
  print(`Found: ${countsOf(devices)}.`);
  if (yaml !== undefined && devices.length > 0) print(`\n${yaml}`);
  for (const step of next) print(`Next: ${step}`);
}

function row({ name, line, address, unit, after, identity }: NamedDevice): string[] {
  const [best] = identity.candidates;
  const [why] = best?.evidence ?? [Object.values(identity.objects).join(", ")];
  const because = [why, ...(best?.doubts ?? [])].filter((text) => text !== "");
  return [
    name,
    line?.setting ?? address ?? "",
    String(unit),
    `${Math.round(after)} ms`,
    best?.profile ?? "?",
    best?.certainty ?? "",
    because.join("; "),
  ];
}

/** Longest table of unknown devices in the list of next steps. */
const mostUnknown = 3;

/** What to do now, as commands that work. */
function nextSteps(devices: readonly NamedDevice[], out: string | undefined): string[] {
  if (devices.length === 0) {
    return [
      "check A and B, the common wire and termination; then another --baud, --parity, or " +
        "--function 4 for devices that have no holding registers",
    ];
  }
  const bus = busSetting(devices);
  const known = devices.find(
    ({ profile, line }) => profile !== undefined && line?.setting === bus?.setting,
  );
  const unknown = devices.filter(({ profile }) => profile === undefined);
  const file = out ?? "site.yaml";
  return [
    ...(out === undefined ? ["put the lines above into site.yaml (or give --out site.yaml)"] : []),
    ...(known === undefined
      ? []
      : [`rackstreet check ${file} && rackstreet read ${known.name} -c ${file}`]),
    ...(known === undefined ? [] : [`rackstreet report ${file}; then rackstreet up ${file}`]),
    ...unknown.slice(0, mostUnknown).map((device) => `rackstreet probe ${whereOf(device)}`),
  ];
}

function whereOf({ line, address, unit }: NamedDevice): string {
  if (line === undefined) return `--address ${address} --unit ${unit}`;
  return `--port ${line.port} --baud ${line.baud} --parity ${line.parity} --unit ${unit}`;
}
