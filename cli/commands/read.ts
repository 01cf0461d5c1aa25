/**
 * `rackstreet read`: one reading of one device, with the raw side of every value. Works on a
 * device of a configuration, or on any device with a profile from a file or by name.
 */
import { existsSync } from "node:fs";
import { nearest, v } from "../../config/index.ts";
import type { DriverKind, Trace } from "../../drivers/index.ts";
import { drivers } from "../../drivers/index.ts";
import type { Platform, Point, Reading } from "../../telemetry/index.ts";
import { GatewayError, isRecord } from "../../telemetry/index.ts";
import { configOption, defineCommand, jsonOption } from "../command.ts";
import { print, printJson } from "../command.ts";
import { isProfileFile, loadConfig, loadLibrary, loadProfile, profileOf } from "../config.ts";
import { clock, entropy, openLog } from "../platform.ts";
import type { ReadTarget } from "../read-device.ts";
import { configuredTarget, kindOf, readOnce } from "../read-device.ts";
import { renderTable } from "../table.ts";
import { channelOf, shownValue } from "../values.ts";

interface ReadArguments {
  readonly device: string | undefined;
  readonly config: string;
  readonly profile: string | undefined;
  readonly folder: string | undefined;
  readonly address: string | undefined;
  readonly port: string | undefined;
  readonly baud: number | undefined;
  readonly parity: string | undefined;
  readonly unit: number | undefined;
  readonly set: readonly string[];
}

export const readCommand = defineCommand({
  command: "read [device]",
  describe: "Read one device once: raw registers and decoded values",
  builder: (yargs) =>
    yargs
      .positional("device", { type: "string", describe: "A device of the configuration." })
      .option("config", configOption)
      .option("profile", { type: "string", describe: "A profile's id or file; no configuration." })
      .option("folder", { type: "string", describe: "With --profile: a folder of your own, too." })
      .option("address", { type: "string", describe: "With --profile: tcp://HOST[:PORT]." })
      .option("port", { type: "string", describe: "With --profile: a serial port." })
      .option("baud", { type: "number", describe: "Speed of --port; the maker's, else 9600." })
      .option("parity", {
        type: "string",
        choices: ["none", "even", "odd"],
        describe: "Parity of --port; the maker's, else none.",
      })
      .option("unit", { type: "number", describe: "Unit id or device number; 1 when left out." })
      .option("set", {
        type: "string",
        array: true,
        default: [],
        describe: "With --profile: an option of the driver, KEY=VALUE.",
      })
      .option("json", jsonOption)
      .example("$0 read rack-meter -c site.yaml", "a device of the configuration")
      .example("$0 read --profile eastron-sdm630 --address tcp://10.0.0.5 --unit 3", "any device")
      .example("$0 read --profile mbus-heat-meter --port /dev/ttyUSB0 --set primary=5", "a meter")
      .example("$0 read --profile ./mine.yaml --port /dev/ttyUSB0", "a profile you are writing"),
  handler: async ({ json, ...given }) => {
    const platform = { clock, entropy, log: openLog("error") };
    await using parts = new AsyncDisposableStack();
    const target =
      given.profile === undefined
        ? await configured(given, parts, platform)
        : await adHoc(given, given.profile);
    const problem = problemOf(kindOf(target), target);
    if (problem !== undefined) throw new GatewayError("E_USAGE", problem);
    const { reading, traces } = await readOnce(target, platform);
    if (json) printJson({ device: target.id, ...reading, raw: traces });
    else print(readingTable(reading, traces));
  },
});

/** Options of a driver that the command line has by their own names. */
const flags: readonly string[] = ["address", "unit"];

/** What is wrong with the options: first of one alone, by its name, then of all together. */
function problemOf(kind: DriverKind, { options, profile }: ReadTarget): string | undefined {
  for (const [name, schema] of Object.entries(kind.options)) {
    const issue = v.safeParse(schema, options[name]).issues?.[0];
    const flag = flags.includes(name) ? `--${name}` : `--set ${name}`;
    if (issue !== undefined) return `${flag}: ${issue.message}`;
  }
  return kind.problems(options, profile)[0];
}

async function configured(
  { device, config }: ReadArguments,
  parts: AsyncDisposableStack,
  platform: Platform,
): Promise<ReadTarget> {
  if (device === undefined && config === configOption.default && !existsSync(config)) {
    const why = "name a device and its configuration (-c FILE), or give --profile";
    throw new GatewayError("E_USAGE", why);
  }
  const given = await loadConfig(config);
  const ids = given.devices.map(({ id }) => id);
  if (device === undefined || !ids.includes(device)) {
    const why = device === undefined ? "name a device" : `no device ${device}`;
    throw new GatewayError("E_USAGE", `${why}; ${config} has: ${ids.join(", ")}`);
  }
  return await configuredTarget(given, device, { parts, platform });
}

async function adHoc(given: ReadArguments, profile: string): Promise<ReadTarget> {
  const isFile = isProfileFile(profile);
  const library = await loadLibrary(given.folder);
  const data = isFile ? (await loadProfile(profile)).data : library.get(profile);
  if (!isFile) profileOf(library, profile);
  const driver = isRecord(data) ? String(data["driver"]) : "";
  const { address: where, port, baud, parity, unit } = given;
  if ((where === undefined) === (port === undefined)) {
    throw new GatewayError("E_USAGE", "give either --address or --port");
  }
  const own = baud === undefined ? {} : { baud };
  const line = { ...makersLine(data), ...own, ...(parity === undefined ? {} : { parity }) };
  const buses = port === undefined ? {} : { cli: { ...line, port } };
  const wire = where === undefined ? { bus: "cli" } : { address: where };
  const numbered = unit === undefined ? {} : { unit };
  const options = { ...wire, ...numbered, ...settings(given.set, driver) };
  return { id: "device", driver, options, profile: data, buses };
}

/** How the maker ships the line, if the profile says it. */
function makersLine(profile: unknown): Readonly<Record<string, unknown>> {
  const header = isRecord(profile) ? profile["header"] : undefined;
  const serial = isRecord(header) ? header["serial"] : undefined;
  return isRecord(serial) ? serial : {};
}

/**
 * `KEY=VALUE` as the driver wants it: a number where it takes no text.
 * @throws E_USAGE
 */
function settings(given: readonly string[], driver: string): Readonly<Record<string, unknown>> {
  const known = drivers[driver]?.options ?? {};
  const entries = given.map((one): [string, unknown] => {
    const [, key = one, text = ""] = /^([^=]+)=(.*)$/s.exec(one) ?? [];
    const schema = known[key];
    if (schema === undefined || !one.includes("=")) {
      const near = nearest(key, Object.keys(known));
      const names = near === undefined ? Object.keys(known).join(", ") : `did you mean "${near}"?`;
      throw new GatewayError("E_USAGE", `--set ${one}: write KEY=VALUE; ${names}`);
    }
    const number = Number(text);
    const isText = v.safeParse(schema, text).success || text === "" || Number.isNaN(number);
    return [key, isText ? text : number];
  });
  return Object.fromEntries(entries);
}

function readingTable({ points, faults }: Reading, traces: readonly Trace[]): string {
  const rows = points.flatMap((point) => rowsOf(point, traces));
  const table = renderTable(["measurement", "channel", "field", "value", "register", "raw"], rows);
  const broken = faults.map(({ code, at }) => `${code} at ${at}`);
  return [table, ...broken].join("\n");
}

function rowsOf(point: Point, traces: readonly Trace[]): string[][] {
  const { measurement, fields } = point;
  const channel = channelOf(point);
  return Object.entries(fields)
    .filter(([field]) => field !== "q")
    .map(([field, value]) => {
      const trace = traces.find(
        (one) => one.measurement === measurement && one.channel === channel && one.field === field,
      );
      const shown = shownValue(measurement, field, value);
      return [measurement, channel, field, shown, trace?.at ?? "", trace?.raw ?? ""];
    });
}
