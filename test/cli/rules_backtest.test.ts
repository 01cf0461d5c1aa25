/** `rackstreet rules backtest`: what would have fired, on a store of its own. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import type { Clock, Line } from "../../telemetry/index.ts";
import { SeededEntropy, silentLog } from "../virtual.ts";
import { openFolder, rackstreet } from "./run.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());
const at = { cwd: folder.path };

/** The store's thread lives in real time. */
const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

const minute = 60_000;
const start = Math.floor(Date.now() / minute) * minute - 600 * minute;
const iso = (time: number): string => new Date(time).toISOString();

const config = folder.write(
  "site.yaml",
  `site: lab
store: { engine: sqlite, path: store.sqlite }
hub: { data: hub }
rules:
  hot: { about: x, measurement: thermal, field: temp_c, above: 27, for: 2m }
  silent: { about: x, measurement: thermal, absent: 10m }
  power-hot: { about: x, measurement: thermal, field: temp_c, above: 27, where: { class: power } }
`,
);

beforeAll(async () => {
  const options = v.parse(storeOptions, {
    engine: "sqlite",
    path: join(folder.path, "store.sqlite"),
  });
  await using store = await openStore(options, {
    clock,
    entropy: new SeededEntropy(),
    log: silentLog,
  });
  const values = [20, 20, 28, 29, 30, 29, 28, 20, 20];
  const lines = values.map((temp_c, i): Line => {
    const place = { region: "local", org: "main", site: "lab", device: "r1", sensor: "inlet" };
    const time = start + i * minute;
    return { measurement: "thermal", tags: place, fields: { temp_c, q: 0 }, time };
  });
  await store.write(lines, AbortSignal.timeout(10_000));
});

const span = ["--since", iso(start), "--until", iso(start + 60 * minute)];

describe("rules backtest", () => {
  test("gives each firing with its length and its worst value", async () => {
    const { code, out, err } = await rackstreet(
      ["rules", "backtest", config, ...span, "--json"],
      at,
    );
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      {
        rows: 9,
        episodes: [
          {
            rule: "hot",
            tags: { device: "r1", sensor: "inlet" },
            since: start + 4 * minute,
            until: start + 7 * minute,
            peak: 30,
          },
          { rule: "silent", tags: { device: "r1" }, since: start + 18 * minute, peak: 52 * 60 },
        ],
        load: { alerts: 2, windows: 6, peakPerTenMinutes: 1 },
        flapping: [],
      },
    ]);
    expect(err).toMatch(/knows no class/);
  });

  test("shows a table and the alarm load", async () => {
    const { code, out } = await rackstreet(
      ["rules", "backtest", config, ...span, "--rule", "hot"],
      at,
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^ hot +warning +device=r1, sensor=inlet .* 00:03:00 +30 °C *$/m);
    expect(out).toMatch(/^alarm load {2}1 alerts, 0\.17 per ten minutes, at most 1/m);
    expect(out).toMatch(/^9 rows of 0\.0 days in /m);
    expect(out).not.toMatch(/silent/);
  });

  test("refuses a rule that is not there, and time that runs backwards", async () => {
    const wrong = await rackstreet(["rules", "backtest", config, "--rule", "hat"], at);
    expect([wrong.code, wrong.err]).toEqual([64, expect.stringContaining('did you mean "hot"?')]);
    const back = ["--since", "1h", "--until", "2h"];
    const { code } = await rackstreet(["rules", "backtest", config, ...back], at);
    expect(code).toBe(64);
  });
});
