/** `rackstreet query`: last values and windowed aggregates, for people and for machines. */
import type { Aggregate, Query, QuerySeries, Store } from "../../store/index.ts";
import { aggregates, openStore } from "../../store/index.ts";
import { nearest, v, whole } from "../../config/index.ts";
import {
  channelTagOf,
  fieldFacts,
  GatewayError,
  isStoredName,
  rolledFieldOf,
  rollupAggregates,
  rollupOf,
  rollupWindows,
} from "../../telemetry/index.ts";
import { sqliteWorker } from "../assets.ts";
import { configOption, defineCommand, durationArgument, jsonOption } from "../command.ts";
import { openPlatform, print, printJson } from "../command.ts";
import { renderTable } from "../table.ts";
import { shownAge, shownValue } from "../values.ts";

/** A store that takes longer is given up. @unit ms */
const patience = 60_000;

interface QueryArguments {
  readonly field: readonly string[];
  readonly aggregate: string;
  readonly since: string;
  readonly until: string;
  readonly every: string | undefined;
  readonly where: readonly string[];
  readonly by: readonly string[] | undefined;
  readonly quality: number | undefined;
}

export const queryCommand = defineCommand({
  command: "query [measurement]",
  describe: "Ask the store: last values, windowed aggregates",
  builder: (yargs) =>
    yargs
      .positional("measurement", { type: "string", describe: "Left out: lists what there is." })
      .option("config", configOption)
      .option("field", { type: "string", array: true, default: [], describe: "Default: all." })
      .option("aggregate", { type: "string", default: "last", choices: aggregates })
      .option("since", { type: "string", default: "1h", describe: "How far back: 5m, 7d." })
      .option("until", { type: "string", default: "0s", describe: "How far back it ends." })
      .option("every", {
        type: "string",
        describe: "Length of a window: 1m. Default: one; of roll-ups their own.",
      })
      .option("where", { type: "string", array: true, default: [], describe: "TAG=VALUE." })
      .option("by", { type: "string", array: true, describe: "Tags; default: device and channel." })
      .option("quality", {
        type: "number",
        describe: "Worst q that counts: 1 leaves doubtful out.",
      })
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
        "$0 query ups --where device=ups-1 --since 7d --every 1d --csv",
        "for a spreadsheet",
      ),
  handler: async ({ measurement, config, json, csv, ...given }) => {
    if (json && csv) throw new GatewayError("E_USAGE", "give either --json or --csv");
    const { loaded, platform } = await openPlatform(config, "error");
    await using store = await openStore(loaded.config.store, platform, { worker: sqliteWorker });
    const signal = AbortSignal.timeout(patience);
    if (measurement === undefined) {
      const names = await store.measurements(signal);
      if (json) printJson(names);
      else print(names.length === 0 ? "the store is empty" : names.join("\n"));
      return;
    }
    if (!isStoredName(measurement)) {
      const names = await store.measurements(signal);
      refuseUnknown(measurement, names, "measurement");
    }
    const query = await queryOf(store, measurement, { given, now: platform.clock.now(), signal });
    const series = query.fields.length === 0 ? [] : await store.query(query, signal);
    if (json) printJson(series);
    else if (csv) print(csvOf(query, series));
    else print(tableOf(query, series, platform.clock.now()));
  },
});

async function queryOf(
  store: Store,
  measurement: string,
  { given, now, signal }: { given: QueryArguments; now: number; signal: AbortSignal },
): Promise<Query> {
  const stored = await store.fields(measurement, signal);
  const rollup = rollupOf(measurement);
  const telling = stored.filter((field) => field !== "q" && isTelling(measurement, field));
  const fields = given.field.length > 0 ? given.field : telling;
  for (const field of fields) {
    if (fieldFacts(measurement, field) === undefined) refuseUnknown(field, stored, "field");
  }
  const channel = channelTagOf(measurement);
  const [since, until] = [
    durationArgument("since", given.since),
    durationArgument("until", given.until),
  ];
  if (since <= until) {
    const why = `--since ${given.since} must lie further back than --until ${given.until}`;
    throw new GatewayError("E_USAGE", why);
  }
  return {
    measurement,
    fields,
    aggregate: aggregateOf(given.aggregate),
    from: now - since,
    to: now - until,
    // Of a roll-up every row is wanted, not the last one.
    every:
      given.every === undefined
        ? rollup && rollupWindows[rollup.window]
        : durationArgument("every", given.every),
    where: Object.fromEntries(given.where.map(tagOf)),
    groupBy: given.by ?? ["device", ...(channel === undefined ? [] : [channel])],
    worstQuality: given.quality === undefined ? undefined : qualityOf(given.quality),
  };
}

/** Of a roll-up one value of each field: mean, rise or, where there is neither, the last. */
function isTelling(measurement: string, name: string): boolean {
  const rollup = rollupOf(measurement);
  if (rollup === undefined) return true;
  const rolled = rolledFieldOf(rollup.of, name);
  if (rolled === undefined) return false;
  const kept = rollupAggregates(rolled.field);
  const best = (["mean", "delta", "last"] as const).find((aggregate) => kept.includes(aggregate));
  return rolled.aggregate === best;
}

function aggregateOf(name: string): Aggregate {
  const found = aggregates.find((aggregate) => aggregate === name);
  if (found !== undefined) return found;
  throw new GatewayError("E_USAGE", `--aggregate: one of ${aggregates.join(", ")}`);
}

function qualityOf(given: number): number {
  const result = v.safeParse(whole(0, 4), given);
  if (result.success) return result.output;
  throw new GatewayError("E_USAGE", `--quality: ${result.issues[0].message}`);
}

/** A name of the register may be empty for now; any other is asked for only where it is stored. */
function refuseUnknown(name: string, stored: readonly string[], what: string): void {
  if (stored.length === 0 || stored.includes(name)) return;
  const near = nearest(name, stored);
  const hint = near === undefined ? `there are ${stored.join(", ")}` : `did you mean "${near}"?`;
  throw new GatewayError("E_QUERY", `no ${what} ${name} is stored; ${hint}`);
}

function tagOf(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new GatewayError("E_USAGE", `--where ${text}: write TAG=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** The answer as [RFC 4180 §2] CSV, times in ISO 8601. */
export function csvOf({ groupBy = [], fields }: Query, series: readonly QuerySeries[]): string {
  const head = ["time", ...groupBy, ...fields, ...fields.map((field) => `${field}_rows`)];
  const rows = series.flatMap(({ tags, rows }) =>
    rows.map(({ time, values, counts }) => [
      new Date(time).toISOString(),
      ...groupBy.map((tag) => tags[tag] ?? ""),
      ...fields.map((field) => String(values[field] ?? "")),
      ...fields.map((field) => String(counts[field] ?? 0)),
    ]),
  );
  return [head, ...rows].map((row) => row.map(csvCell).join(",")).join("\n");
}

/** [RFC 4180 §2] */
function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function tableOf(query: Query, series: readonly QuerySeries[], now: number): string {
  const { measurement, groupBy = [], aggregate } = query;
  const shown = query.fields.filter((field) =>
    series.some(({ rows }) => rows.some(({ values }) => values[field] !== undefined)),
  );
  if (shown.length === 0) return `nothing in ${measurement} in this time`;
  const rows = series.flatMap(({ tags, rows }) =>
    rows.map(({ time, values }) => [
      query.every === undefined ? `${shownAge(now - time)} ago` : new Date(time).toISOString(),
      ...groupBy.map((tag) => tags[tag] ?? ""),
      ...shown.map((field) => {
        const value = values[field];
        if (value === undefined) return "";
        return aggregate === "count" ? String(value) : shownValue(measurement, field, value);
      }),
    ]),
  );
  return renderTable(["time", ...groupBy, ...shown], rows);
}
