/**
 * Every query of every dashboard on InfluxDB 1.6, with Grafana's macros filled in: each gives
 * rows, and those of capacity and PUE the hub's own figures.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Dashboard } from "../../console/index.ts";
import { capacityDashboard, shippedDashboards } from "../../console/index.ts";
import { openInfluxdb1 } from "../../store/influxdb1/engine.ts";
import type { Store } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";
import { channelTagOf, fieldFacts, measurements } from "../../telemetry/index.ts";
import { differences, fill, filledStore, hubSays, since, until } from "../alerts/queries/site.ts";
import { needs } from "../peers.ts";
import { realPlatform, temporaryFolder } from "../store/rig.ts";
import { askInfluxql, influxqlSeries } from "./asking.ts";
import type { Influxd } from "./influxd.ts";
import { startInfluxd } from "./influxd.ts";

const begin = Date.UTC(2025, 5, 1);
const minute = 60_000;

/** Rows of everything that the register knows, for ten minutes. */
function* everything(): Generator<Line> {
  const tags = { region: "local", org: "main", site: "hall", zone: "z", rack: "r01", device: "d" };
  for (const [measurement, { fields }] of Object.entries(measurements)) {
    const channel = channelTagOf(measurement);
    for (let at = 0; at < 20; at += 1) {
      const values = Object.keys(fields).map((field): [string, number | string] => [
        field,
        fieldFacts(measurement, field)?.type === "text" ? "text" : at,
      ]);
      yield {
        measurement,
        tags: channel === undefined ? tags : { ...tags, [channel]: "c1" },
        fields: { ...Object.fromEntries(values), q: 0 },
        time: begin + at * 30_000,
      };
    }
  }
}

/** A query as Grafana would send it. */
function filledIn(query: string): string {
  return query
    .replaceAll("$timeFilter", `time >= ${begin}ms and time <= ${begin + 10 * minute}ms`)
    .replaceAll("$__interval", "1m")
    .replaceAll(/\$[a-z]+\b/g, ".*");
}

function queriesOf({ panels, templating }: Dashboard): readonly (readonly [string, string])[] {
  const asked = panels.flatMap(({ title, targets = [] }) =>
    targets.flatMap((target) => ("query" in target ? [[title, target.query] as const] : [])),
  );
  const offered = templating.list
    .filter(({ type }) => type === "query")
    .map(({ name, query }) => [name, query] as const);
  return [...offered, ...asked];
}

describe.skipIf(!needs("influxd", "influxdb"))("dashboards on InfluxDB 1.6", () => {
  const parts = new AsyncDisposableStack();
  let influxd: Influxd;
  let embedded: Store;
  beforeAll(async () => {
    influxd = parts.use(await startInfluxd());
    embedded = parts.use(await filledStore(parts.use(await temporaryFolder())));
    const settings = { gzip: false, create: true, timeout: 10_000, url: influxd.url };
    const options = { engine: "influxdb1", database: "rackstreet", ...settings } as const;
    await using store = openInfluxdb1(options, realPlatform());
    await fill(store);
    const { rejected } = await store.write([...everything()], new AbortController().signal);
    expect(rejected).toEqual([]);
  });
  afterAll(() => parts.disposeAsync());

  test.each(Object.entries(shippedDashboards))("%s: every query gives rows", async (_, one) => {
    const empty: string[] = [];
    for (const [title, query] of queriesOf(one)) {
      const series = await influxqlSeries(influxd.url, "rackstreet", filledIn(query));
      const cells = series.flatMap(({ rows }) => rows.flatMap((row) => Object.entries(row)));
      if (!cells.some(([name, value]) => name !== "time" && value !== null))
        empty.push(`${title}: ${query}`);
    }
    expect(empty).toEqual([]);
  });

  test("capacity: every panel gives the hub's own figures, and so does the PUE", async () => {
    const said = await hubSays(embedded, false);
    const dashboard = capacityDashboard(said.questions, "lab", { since, until });
    const wrong: string[] = [];
    const told = new Map<string, Readonly<Record<string, unknown>>>();
    for (const { title, targets = [] } of dashboard.panels) {
      for (const target of targets) {
        if (!("query" in target)) continue;
        const [row = {}] = await askInfluxql(influxd.url, "rackstreet", target.query);
        told.set(`${title} ${target.refId}`, row);
        const [, id = ""] = /^\w+ (.+): watts/.exec(title) ?? [];
        if (id !== "") wrong.push(...differences(said, [id, "W", row], 1e-3));
      }
    }
    expect(wrong).toEqual([]);
    expect(told.has("rack r01: watts of 6 kW A")).toBe(true);
    const [facility, it] = ["A", "B"].map((id) => Number(told.get(`Interim PUE ${id}`)?.["wh"]));
    const pue = dashboard.panels.find(({ title }) => title === "Interim PUE");
    expect(pue?.targets?.at(-1)).toMatchObject({ type: "math", expression: "$C / $D" });
    expect((facility ?? 0) / (it ?? 0)).toBeCloseTo(said.pue.ratio ?? Number.NaN, 9);
  });
});
