/** kill -9 of the agent, the hub, the database and the broker during a run (`site.ts`). */
import { join } from "node:path";
import { describe, test } from "vitest";
import { v } from "../../config/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import { startInfluxd } from "../peers/influxd.ts";
import { startMosquitto } from "../peers/mosquittod.ts";
import { needs } from "../peers.ts";
import { judge, platform, Site } from "./site.ts";

describe("kill -9", () => {
  test("of agent and hub, embedded store: no gap, no double, nothing invented", async () => {
    const started = Date.now();
    let path = "";
    await using site = await Site.start((folder) => {
      path = join(folder, "store.sqlite");
      return { engine: "sqlite", path };
    });
    await site.sail(100);
    await site.killAgent();
    await site.sail(60);
    await site.killHub();
    await site.sail(60);
    await site.killAgent();
    await site.killHub();
    await site.sail(100);
    await site.endAgent();
    await site.sail(20);
    const options = v.parse(storeOptions, { engine: "sqlite", path });
    await using store = await openStore(options, platform);
    await judge(site, store, started);
  }, 240_000);
});

describe.skipIf(!needs("influxd", "influxdb"))("kill -9 with a database", () => {
  test("of agent, hub and InfluxDB: no gap, no double, nothing invented", async () => {
    const started = Date.now();
    await using influxd = await startInfluxd();
    await using site = await Site.start(() => ({ engine: "influxdb1", url: influxd.url }));
    await site.sail(100);
    await influxd.kill9();
    await site.sail(60);
    await site.killAgent();
    await influxd.restart();
    await site.sail(60);
    await site.killHub();
    await influxd.kill9();
    await site.killAgent();
    await site.sail(60);
    await influxd.restart();
    await site.sail(60);
    await site.endAgent();
    await site.sail(20);
    const options = v.parse(storeOptions, { engine: "influxdb1", url: influxd.url });
    await using store = await openStore(options, platform);
    await judge(site, store, started);
  }, 240_000);
});

describe.skipIf(!needs("mosquitto", "mosquitto"))(
  "kill -9 on a broker that is there already",
  () => {
    test("of agent, hub and mosquitto: no gap, no double, nothing invented", async () => {
      const started = Date.now();
      await using mosquitto = await startMosquitto();
      let path = "";
      await using site = await Site.start((folder) => {
        path = join(folder, "store.sqlite");
        return { engine: "sqlite", path };
      }, mosquitto.url);
      await site.sail(100);
      await mosquitto.kill9();
      await site.sail(60);
      await site.killHub();
      await mosquitto.restart();
      await site.sail(60);
      await site.killAgent();
      await site.killHub();
      await site.sail(60);
      await site.endAgent();
      await site.sail(20);
      const options = v.parse(storeOptions, { engine: "sqlite", path });
      await using store = await openStore(options, platform);
      await judge(site, store, started);
    }, 240_000);
  },
);
