/**
 * Processes that only store, killed during a run: each law of `site.ts` holds, whoever divides the
 * work, and what stores is they, not the hub.
 */
import { describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import { needs } from "../peers.ts";
import { startInfluxd } from "../peers/influxd.ts";
import { startMosquitto } from "../peers/mosquittod.ts";
import { judge, platform, Site } from "./site.ts";

const present = needs("mosquitto", "mosquitto") && needs("influxd", "influxdb");

const divisions: readonly (readonly [string, readonly (readonly string[])[]])[] = [
  [
    "by parts",
    [
      ["--part", "1/3"],
      ["--part", "2/3"],
      ["--part", "3/3"],
    ],
  ],
  [
    "by a shared subscription",
    ["a", "b", "c"].map((name) => ["--group", "ingest", "--worker", name]),
  ],
];

describe.skipIf(!present)("kill -9 of processes that only store", () => {
  test.each(divisions)(
    "that divide %s: no gap, no double, nothing invented",
    async (_how, members) => {
      const started = Date.now();
      await using influxd = await startInfluxd();
      await using mosquitto = await startMosquitto();
      const database = { engine: "influxdb1", url: influxd.url };
      await using site = await Site.start(() => database, mosquitto.url, "workers");
      await using workers = new AsyncDisposableStack();
      const [first = [], second = [], third = []] = members;
      const killed = workers.use(site.worker(...first));
      workers.use(site.worker(...second));
      workers.use(site.worker(...third));
      await killed.logged("first batch stored");
      await site.sail(60);
      await killed.end("SIGKILL");
      await site.sail(60);
      await site.killAgent();
      const again = workers.use(site.worker(...first));
      await again.logged("first batch stored");
      await site.killHub();
      await site.sail(60);
      await site.endAgent();
      await site.sail(20);
      const options = v.parse(storeOptions, database);
      await using store = await openStore(options, platform);
      await judge(site, store, started);
      expect(site.hub.log.some(({ msg }) => msg === "first batch stored")).toBe(false);
    },
    240_000,
  );
});
