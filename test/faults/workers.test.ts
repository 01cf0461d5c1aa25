/**
 * Processes that only store, killed during a run: each law of `site.ts` holds, whoever divides the
 * work, and what stores is they, not the hub.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { v } from "../../config/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import { needs } from "../peers.ts";
import { startInfluxd } from "../peers/influxd.ts";
import { startMosquitto } from "../peers/mosquittod.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";
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
      await site.sail(90);
      await killed.end("SIGKILL");
      await site.sail(90);
      await site.killAgent();
      const again = workers.use(site.worker(...first));
      await again.logged("first batch stored");
      await site.killHub();
      await site.sail(90);
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

describe.skipIf(!needs("influxd", "influxdb"))("a process that only stores", () => {
  test(
    "is a client of a hub's own broker, as a user of role admin",
    { timeout: 60_000 },
    async () => {
      await using influxd = await startInfluxd();
      const folder = await mkdtemp(join(tmpdir(), "rackstreet-worker-"));
      const url = `mqtt://127.0.0.1:${await freePort()}`;
      const store = { engine: "influxdb1", url: influxd.url };
      const file = async (name: string, config: object): Promise<string> => {
        const path = join(folder, `${name}.json`);
        await writeFile(path, JSON.stringify({ site: "w", ...config }));
        return path;
      };
      const users = {
        edge: { password: "${EDGE}", role: "agent" },
        worker: { password: "${WORKER}", role: "admin" },
      };
      const data = (name: string): string => join(folder, name);
      const hubFile = await file("hub", {
        hub: { data: data("hub"), ingest: "workers" },
        broker: { listen: [url], users },
        store,
      });
      const outside = { url, username: "worker", password: "${WORKER}" };
      const workerFile = await file("worker", {
        hub: { data: data("w") },
        broker: { outside },
        store,
      });
      const uplink = { url, username: "edge", password: "${EDGE}" };
      const agentFile = await file("agent", {
        agent: { id: "edge", data: data("agent"), uplink },
        devices: { d1: { driver: "sim", interval: "100ms" } },
      });
      vi.stubEnv("EDGE", "e");
      vi.stubEnv("WORKER", "w");
      await using hub = startRackstreet(["hub", hubFile]);
      await using worker = startRackstreet(["hub", workerFile, "--ingest-only"]);
      await using agent = startRackstreet(["agent", agentFile, "--for", "4s", "--json"]);
      await worker.logged("first batch stored");
      expect(await agent.ended()).toBe(0);
      // The worker's word reaches the agent.
      expect(JSON.parse(agent.stdout())).toMatchObject({ stored: expect.any(Number) });
      expect(Number(JSON.parse(agent.stdout()).stored)).toBeGreaterThan(5);
      expect(hub.log.some(({ msg }) => msg === "first batch stored")).toBe(false);
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true, force: true });
    },
  );
});
