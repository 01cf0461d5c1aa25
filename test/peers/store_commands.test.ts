/** `store init`, `store copy` and `store retry` against a real InfluxDB 1. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { v } from "../../config/index.ts";
import { asideText, openStore, storeOptions } from "../../store/index.ts";
import type { Store } from "../../store/index.ts";
import { openSqlite } from "../../store/sqlite/engine.ts";
import type { Line } from "../../telemetry/index.ts";
import type { Ended } from "../cli/run.ts";
import { openFolder, rackstreet, start } from "../cli/run.ts";
import { needs } from "../peers.ts";
import { realPlatform, wideBounds } from "../store/rig.ts";
import type { Influxd } from "./influxd.ts";
import { startInfluxd } from "./influxd.ts";

const signal = new AbortController().signal;
const began = Date.UTC(2026, 0, 1);

function power(at: number, measurement = "rack_power"): Line {
  return {
    measurement,
    tags: { site: "hall", device: `d${at % 20}` },
    fields: { active_power_w: at / 8, energy_wh_total: at, q: 0 },
    time: began + Math.floor(at / 20) * 1000,
  };
}

function inOrder(entries: object): [string, unknown][] {
  return Object.entries(entries).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Everything that a store holds, in an order that does not depend on it. */
async function contentOf(store: Store): Promise<string[]> {
  const found: string[] = [];
  for (const measurement of await store.measurements(signal)) {
    for await (const lines of store.scan({ measurement, from: 0, to: 4e12 }, signal)) {
      for (const line of lines) {
        const { tags, fields, time } = line;
        found.push(JSON.stringify([measurement, time, inOrder(tags), inOrder(fields)]));
      }
    }
  }
  return found.toSorted();
}

describe.skipIf(!needs("influxd", "influxdb"))("the store's commands", () => {
  const folder = openFolder();
  const at = { cwd: folder.path };
  let influxd: Influxd;
  let count = 0;

  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(async () => {
    await influxd[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  /** A configuration with a database of its own. */
  const config = (more = ""): { readonly file: string; readonly database: string } => {
    count += 1;
    const database = `db ${count}`;
    const store = `engine: influxdb1, url: "${influxd.url}", database: "${database}"${more}`;
    const file = folder.write(
      `${count}.yaml`,
      `hub: { data: hub-${count} }\nstore: { ${store} }\n`,
    );
    return { file, database };
  };

  const ask = async (q: string): Promise<string> => {
    const answer = await fetch(`${influxd.url}/query?epoch=ms`, {
      method: "POST",
      body: new URLSearchParams({ q }),
    });
    return answer.text();
  };

  const open = (database: string, more: object = {}): Promise<Store> => {
    const options = { engine: "influxdb1", url: influxd.url, database, ...more };
    return openStore(v.parse(storeOptions, options), realPlatform());
  };

  test("init makes database and policies, shows them first, and again does nothing", async () => {
    const policies = ", retentionPolicy: raw, rollupPolicy: rollups, rollupRetention: 1000d";
    const { file, database } = config(`${policies}, retention: 30d`);
    const raw = `RETENTION POLICY "raw" ON "${database}" DURATION 30d`;
    const rollups = `RETENTION POLICY "rollups" ON "${database}" DURATION 1000d`;
    const dry = await rackstreet(["store", "init", file, "--dry-run"], at);
    expect(dry.out.trimEnd().split("\n")).toEqual([
      `CREATE DATABASE "${database}"`,
      `CREATE ${raw} REPLICATION 1 DEFAULT`,
      `ALTER ${raw} DEFAULT`,
      `CREATE ${rollups} REPLICATION 1`,
      `ALTER ${rollups}`,
    ]);
    expect(await ask("SHOW DATABASES")).not.toContain(`"${database}"`);
    for (let run = 0; run < 2; run += 1) {
      const made = await rackstreet(["store", "init", file, "--json"], at);
      expect([made.code, made.err]).toEqual([0, ""]);
      const shown = await ask(`SHOW RETENTION POLICIES ON "${database}"`);
      expect(shown).toContain('["raw","720h0m0s","24h0m0s",1,true]');
      expect(shown).toContain('["rollups","24000h0m0s","168h0m0s",1,false]');
    }
    const store = `engine: influxdb1, url: "${influxd.url}", database: "${database}"`;
    folder.write(file, `store: { ${store}${policies}, retention: 60d }\n`);
    const changed = await rackstreet(["store", "init", file], at);
    expect(changed.out).toMatch(/^was there +CREATE RETENTION POLICY "raw"/m);
    expect(changed.out).toMatch(/^set +ALTER RETENTION POLICY "raw"/m);
    expect(await ask(`SHOW RETENTION POLICIES ON "${database}"`)).toContain("1440h0m0s");
  });

  test("init without a database server says so", async () => {
    const store = 'engine: influxdb1, url: "http://127.0.0.1:1"';
    const file = folder.write("down.yaml", `store: { ${store} }\n`);
    const { code, err } = await rackstreet(["store", "init", file], at);
    expect([code, err]).toEqual([75, expect.stringContaining("E_STORE_DOWN")]);
  });

  test("roll-ups rest in their own retention policy, and are read from there", async () => {
    const { file, database } = config(", retentionPolicy: raw, rollupPolicy: rollups");
    await rackstreet(["store", "init", file], at);
    const policies = { retentionPolicy: "raw", rollupPolicy: "rollups" };
    await using store = await open(database, policies);
    const rollup = { ...power(1), measurement: "rack_power_5m", fields: { mean_x_a: 5 } };
    await store.write([power(1), rollup], signal);
    const count5 = (policy: string): Promise<string> =>
      ask(`SELECT count(mean_x_a) FROM "${database}"."${policy}".rack_power_5m`);
    expect(await count5("raw")).not.toContain('"values"');
    expect(await count5("rollups")).toContain("[0,1]");
    expect(await store.measurements(signal)).toEqual(["rack_power", "rack_power_5m"]);
    const span = { from: 0, to: 4e12, measurement: "rack_power_5m", fields: ["mean_x_a"] };
    const [series] = await store.query({ ...span, aggregate: "sum" }, signal);
    expect(series?.rows[0]?.values).toEqual({ mean_x_a: 5 });
    expect(await store.summarize({ ...span, every: 1000 }, signal)).toHaveLength(1);
    expect(await contentOf(store)).toHaveLength(2);
  });

  test("copy: sqlite to InfluxDB and back, killed and interrupted on the way", async () => {
    const path = join(folder.path, "source.sqlite");
    const lines = Array.from({ length: 60_000 }, (_, i) =>
      power(i, i % 5 === 0 ? "energy_meter" : "rack_power"),
    ).map(({ measurement, fields, ...rest }): Line => {
      if (measurement === "rack_power") return { ...rest, measurement, fields };
      return { ...rest, measurement, fields: { active_power_w: Number(fields["active_power_w"]) } };
    });
    await using source = await openSqlite({ path, ...wideBounds }, realPlatform());
    await source.write(lines, signal);
    const { file, database } = config();
    const args = ["store", "copy", "--from", `sqlite:${path}`, "--to", file, "--json"];
    const state = `${path}.copy.json`;

    const cut = async (how: NodeJS.Signals): Promise<Ended> => {
      const before = await readFile(state, "utf8").catch(() => "");
      await using running = start(args, at);
      await vi.waitFor(
        async () => expect(await readFile(state, "utf8").catch(() => "")).not.toBe(before),
        { timeout: 20_000, interval: 5 },
      );
      running.stop(how);
      return await running.ended;
    };
    expect((await cut("SIGKILL")).code).toBeNull();
    const noted: { rows: number } = JSON.parse(await readFile(state, "utf8"));
    expect(noted.rows).toBeGreaterThan(0);
    expect(noted.rows).toBeLessThan(lines.length);
    const interrupted = await cut("SIGTERM");
    expect([interrupted.code, interrupted.err]).toEqual([75, expect.stringContaining("goes on")]);

    const whole = await rackstreet(args, at);
    expect([whole.code, whole.err]).toEqual([0, ""]);
    expect(JSON.parse(whole.out)).toMatchObject({ rows: lines.length, refused: 0 });
    expect(existsSync(state)).toBe(false);
    await using copied = await open(database);
    const wanted = await contentOf(source);
    expect(wanted).toHaveLength(lines.length);
    expect(await contentOf(copied)).toEqual(wanted);

    const back = join(folder.path, "back.sqlite");
    const returned = await rackstreet(
      ["store", "copy", "--from", file, "--to", `sqlite:${back}`],
      at,
    );
    expect([returned.code, returned.out]).toEqual([0, expect.stringContaining("60000 rows")]);
    await using again = await openSqlite({ path: back, ...wideBounds }, realPlatform());
    expect(await contentOf(again)).toEqual(wanted);
  }, 120_000);

  test("copy: refused lines are counted and kept, and retry takes them", async () => {
    const path = join(folder.path, "typed.sqlite");
    await using source = await openSqlite({ path, ...wideBounds }, realPlatform());
    const typed = (at: number, x_mode: string | number): Line => {
      return { ...power(at), fields: { x_mode }, tags: { device: `t${at}` } };
    };
    await source.write([typed(1, "auto"), typed(2, "off")], signal);
    const { file, database } = config();
    await using target = await open(database);
    await target.write([typed(9, 1)], signal);
    const copied = await rackstreet(
      ["store", "copy", "--from", `sqlite:${path}`, "--to", file, "--json"],
      at,
    );
    expect(copied.code).toBe(69);
    const { refused, refusedFile } = JSON.parse(copied.out);
    expect(refused).toBe(2);
    const retry = ["store", "retry", file, "--file", refusedFile, "--json"];
    const still = await rackstreet(retry, at);
    expect([still.code, JSON.parse(still.out)]).toEqual([
      69,
      expect.objectContaining({ refused: 2, written: 0 }),
    ]);
    await ask(`DROP DATABASE "${database}"`);
    const mended = await rackstreet(retry, at);
    expect([mended.code, JSON.parse(mended.out)]).toEqual([
      0,
      expect.objectContaining({ refused: 0, written: 2 }),
    ]);
    const idle = await rackstreet(retry, at);
    expect(JSON.parse(idle.out)).toMatchObject({ done: 2, written: 0 });
    expect(await contentOf(target)).toHaveLength(2);
  });

  test("retry takes the hub's own file, and chooses", async () => {
    const { file, database } = config();
    const folderOfHub = join(folder.path, `hub-${count}`);
    mkdirSync(folderOfHub, { recursive: true });
    const entries = [1, 2, 3].map((seq) => {
      const reason = seq === 3 ? "too old" : "type conflict";
      const line = power(seq);
      return asideText({ topic: "t", reason, content: "", line, stream: "a.0f", seq }, Date.now());
    });
    writeFileSync(join(folderOfHub, "set-aside.jsonl"), entries.join(""));
    const dry = await rackstreet(["store", "retry", file, "--dry-run", "--reason", "conflict"], at);
    expect(dry.out).toMatch(/would be written +2/);
    const { code, out } = await rackstreet(["store", "retry", file, "--since", "1h"], at);
    expect([code, out]).toEqual([0, expect.stringMatching(/^ written +3/m)]);
    await using store = await open(database);
    expect(await contentOf(store)).toHaveLength(3);
  });

  test("a copy that makes no sense is refused", async () => {
    const { file } = config();
    const usage = async (args: readonly string[], text: string): Promise<void> => {
      const { code, err } = await rackstreet(["store", "copy", ...args], at);
      expect([code, err]).toEqual([64, expect.stringContaining(text)]);
    };
    await usage(["--from", file, "--to", file], "the same");
    await usage(["--from", "sqlite:nowhere.sqlite", "--to", file], "no file");
    await usage(["--from", file, "--to", "sqlite:x", "--since", "soon"], "2026-01-31");
    folder.write("foreign.json", '{"source":"x","target":"y"}');
    await usage(
      ["--from", file, "--to", "sqlite:x", "--state", "foreign.json"],
      "not of this copy",
    );
  });
});
