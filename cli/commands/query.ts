/**
 * `rackstreet query`: last values and windowed aggregates, how many rows stand behind each, and
 * with --explain the way of a value back to the register it came from.
 */
import { v, whole } from "../../config/index.ts";
import type { Query, Store } from "../../store/index.ts";
import { aggregates, openStore } from "../../store/index.ts";
import type { Tags } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { brokerOptions } from "../ask-broker.ts";
import { sqliteWorker } from "../assets.ts";
import { configOption, defineCommand, jsonOption, parsedArgument } from "../command.ts";
import { openPlatform, print, printJson } from "../command.ts";
import type { CoveredSeries } from "../coverage.ts";
import { covered, leaveOut, membersOf } from "../coverage.ts";
import { explainedText } from "../explain-text.ts";
import { explainAnswer } from "../explain.ts";
import type { Knowing } from "../known-devices.ts";
import { knownDevices } from "../known-devices.ts";
import { deviceKey } from "../provenance.ts";
import { answerOf, emptinessOf, lineTags, queryOf } from "../query-ask.ts";
import type { Arrangement, Format } from "../query-show.ts";
import { arranged, csvOf, formats, linesOf, tableOf } from "../query-show.ts";
import { configuredTarget, readOnce } from "../read-device.ts";
import { siteOf } from "../run-agent.ts";

/** Of the rows that there should be. */
const share = v.pipe(
  v.number("must be a number from 0 to 1"),
  v.minValue(0, "must be a number from 0 to 1"),
  v.maxValue(1, "must be a number from 0 to 1"),
);

/** A store that takes longer is given up. @unit ms */
const patience = 60_000;

export const queryCommand = defineCommand({
  command: "query [measurement]",
  describe: "Ask the store: last values, windowed aggregates, and where a value comes from",
  builder: (yargs) =>
    yargs
      .positional("measurement", { type: "string", describe: "Left out: lists what there is." })
      .option("config", configOption)
      .option("field", { type: "string", array: true, default: [], describe: "Default: all." })
      .option("aggregate", { type: "string", default: "last", choices: aggregates })
      .option("since", {
        type: "string",
        default: "1h",
        describe: "From when: how far back (5m, 7d), a date or an ISO 8601 instant, in UTC.",
      })
      .option("until", {
        type: "string",
        default: "0s",
        describe: "Up to when, not included: likewise.",
      })
      .option("every", {
        type: "string",
        describe:
          "Length of a window: 1m; they begin at its multiples in UTC. Default: one; of roll-ups " +
          "their own.",
      })
      .option("where", { type: "string", array: true, default: [], describe: "TAG=VALUE." })
      .option("by", { type: "string", array: true, describe: "Tags; default: device and channel." })
      .option("quality", {
        type: "number",
        describe: "Worst q that counts: 1 leaves doubtful out.",
      })
      .option("coverage", {
        type: "number",
        describe: "Leave out values on less than this share of the rows there should be: 0.8.",
      })
      .option("order", {
        type: "string",
        default: "asc",
        choices: ["asc", "desc"],
        describe: "Order of the rows of a series, by time.",
      })
      .option("limit", { type: "number", describe: "Only the first rows of each series." })
      .option("explain", {
        type: "boolean",
        default: false,
        describe: "Where each value comes from: device, register, words, steps.",
      })
      .option("live", {
        type: "boolean",
        default: false,
        describe: "With --explain: read the device now too. On a serial bus stop the agent first.",
      })
      .options(brokerOptions)
      .option("format", { type: "string", choices: formats, describe: "Default: table." })
      .option("json", jsonOption)
      .option("csv", { type: "boolean", default: false, describe: "Print CSV." })
      .example("$0 query -c site.yaml", "which measurements there are")
      .example("$0 query rack_power -c site.yaml", "the last value of everything")
      .example(
        "$0 query thermal -c site.yaml --field temp_c --aggregate max --every 1h --since 1d",
        "",
      )
      .example("$0 query energy_meter_1h -c site.yaml --since 7d", "roll-ups, hour by hour")
      .example(
        "$0 query ups --where device=ups-1 --since 2026-11-01 --until 2026-12-01 --every 1d --csv",
        "for a spreadsheet",
      )
      .example(
        "$0 query meter_phase --field voltage_v --where device=rack-meter --explain",
        "back to the register",
      ),
  handler: async ({ measurement, config, url, username, passwordFrom, ...given }) => {
    const format = formatOf(given);
    const { loaded, platform } = await openPlatform(config, "error");
    await using store = await openStore(loaded.config.store, platform, { worker: sqliteWorker });
    const signal = AbortSignal.timeout(patience);
    if (measurement === undefined) {
      const names = await store.measurements(signal);
      if (format === "json") printJson(names);
      else print(names.length === 0 ? "the store is empty" : names.join("\n"));
      return;
    }
    const { limit } = given;
    if (limit !== undefined) parsedArgument("limit", limit, whole(1, 100_000));
    const now = platform.clock.now();
    const by = given.by ?? (format === "lp" ? lineTags(measurement) : undefined);
    const query = await queryOf(store, measurement, { given: { ...given, by }, now, signal });
    const knowing = { loaded, platform, broker: { url, username, passwordFrom } };
    const asking: Asking = { store, signal, knowing, now };
    if (given.explain) await showExplained(query, { ...given, format }, asking);
    else await showAnswer(query, { ...given, format }, asking);
  },
});

interface Asking {
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly knowing: Knowing;
  /** @unit ms since 1970-01-01 UTC */
  readonly now: number;
}

interface Showing extends Arrangement {
  readonly format: Format;
  readonly coverage: number | undefined;
  readonly live: boolean;
}

function formatOf(given: {
  readonly format: string | undefined;
  readonly json: boolean;
  readonly csv: boolean;
  readonly explain: boolean;
  readonly live: boolean;
  readonly coverage: number | undefined;
}): Format {
  if (given.json && given.csv) throw new GatewayError("E_USAGE", "give either --json or --csv");
  const short = given.json ? "json" : given.csv ? "csv" : undefined;
  if (short !== undefined && given.format !== undefined && short !== given.format) {
    throw new GatewayError("E_USAGE", `give either --${short} or --format ${given.format}`);
  }
  const format = formats.find((name) => name === (given.format ?? short ?? "table")) ?? "table";
  if (given.live && !given.explain) throw new GatewayError("E_USAGE", "--live needs --explain");
  if (given.explain && format !== "table" && format !== "json") {
    throw new GatewayError("E_USAGE", "--explain prints text, or JSON with --json");
  }
  if (given.explain && given.coverage !== undefined) {
    throw new GatewayError("E_USAGE", "--explain leaves nothing out: give no --coverage");
  }
  return format;
}

async function showAnswer(query: Query, showing: Showing, asking: Asking): Promise<void> {
  const { format } = showing;
  const all = await answerWithCoverage(query, showing.coverage, asking);
  const series = arranged(all, showing);
  if (format === "json") return printJson(series);
  if (format === "csv") return print(csvOf({ query, series }));
  if (format === "lp") return print(linesOf({ query, series }));
  const table = tableOf({ query, series }, asking.now);
  print(table ?? (await emptinessOf(asking.store, query, asking.signal)));
}

async function answerWithCoverage(
  query: Query,
  least: number | undefined,
  { store, signal, knowing }: Asking,
): Promise<readonly CoveredSeries[]> {
  if (least !== undefined) parsedArgument("coverage", least, share);
  const answer = await answerOf(store, query, signal);
  if (answer.length === 0) return [];
  const members = await membersOf(store, query, signal);
  const devices = members.map(({ tags }) => tags);
  const known = await knownDevices(devices, knowing, least === undefined ? undefined : warn);
  const series = covered(query, answer, { members, known });
  if (least === undefined) return series;
  const { series: kept, left, unknown } = leaveOut(series, least);
  if (unknown) {
    const silent = devices.find((tags) => known.get(deviceKey(tags))?.interval === undefined);
    const who = silent?.["device"] ?? "some devices";
    const why = "neither the configuration nor meta at the broker says it";
    throw new GatewayError("E_USAGE", `--coverage needs to know how often ${who} is read; ${why}`);
  }
  if (left > 0) warn(`${left} values on less than ${least} of their rows were left out`);
  return kept;
}

async function showExplained(
  query: Query,
  showing: Showing,
  { store, signal, knowing }: Asking,
): Promise<void> {
  const { loaded, platform } = knowing;
  await using parts = new AsyncDisposableStack();
  const { live, format } = showing;
  const explained = await explainAnswer(query, showing, {
    store,
    signal,
    provenances: (devices) => knownDevices(devices, knowing, warn),
    live: live
      ? async (tags) => {
          const device = configuredName(tags, knowing);
          return readOnce(await configuredTarget(loaded, device, { parts, platform }), platform);
        }
      : undefined,
  });
  if (format === "json") printJson(explained);
  else if (explained.length > 0) print(explainedText(explained, platform.clock.now()));
  else print(await emptinessOf(store, query, signal));
}

/** Only a device of the configuration can be read from here. @throws E_USAGE */
function configuredName(tags: Tags, { loaded }: Knowing): string {
  const ids = loaded.devices.map(({ id }) => id);
  const found = ids.find((id) => deviceKey({ ...siteOf(loaded), device: id }) === deviceKey(tags));
  if (found !== undefined) return found;
  const why = `${tags["device"]} of ${tags["site"]} is none of them: ${ids.join(", ") || "none"}`;
  throw new GatewayError("E_USAGE", `--live reads devices of the configuration, and ${why}`);
}

/** For people, beside an answer that a program may be reading. */
function warn(sentence: string): void {
  process.stderr.write(`rackstreet: ${sentence}\n`);
}
