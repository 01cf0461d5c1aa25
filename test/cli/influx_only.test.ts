/** What docs/influx-only.md shows is what the program prints, and what it sends works. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import type { Store } from "../../store/index.ts";
import { openInfluxdb1 } from "../../store/influxdb1/engine.ts";
import type { Line } from "../../telemetry/index.ts";
import { isRecord } from "../../telemetry/index.ts";
import { needs } from "../peers.ts";
import { startInfluxd } from "../peers/influxd.ts";
import { realPlatform } from "../store/rig.ts";
import { openFolder, rackstreet, root } from "./run.ts";

const page = readFileSync(join(root, "docs/influx-only.md"), "utf8");
const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());
const at = { cwd: folder.path };

interface Shown {
  readonly command: string;
  /** A file that its output goes to. */
  readonly into: string | undefined;
  readonly text: string;
}

/** What the page shows of each command. */
const shown = [...page.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block = ""]) =>
  block
    .split(/^\$ rackstreet /m)
    .slice(1)
    .map((part): Shown => {
      const [line = "", ...text] = part.trimEnd().split("\n");
      const [command = "", into] = line.split(" > ");
      return { command, into, text: text.join("\n") };
    }),
);

/** Words as a shell would take them. */
function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

const minute = 60_000;
const end = Date.UTC(2025, 2, 29);

/** A day of the example one-rack. */
function* linesOf(): Generator<Line> {
  const place = { region: "local", org: "main", site: "one-rack" };
  for (let time = end - 1440 * minute; time < end; time += 5 * minute) {
    const hours = (time - end) / (60 * minute) + 48;
    for (const [device, watts] of [
      ["pdu-a", 1200],
      ["pdu-b", 1800],
    ] as const) {
      yield {
        measurement: "rack_power",
        tags: { ...place, device, feed: "inlet1" },
        fields: { active_power_w: watts, energy_wh_total: Math.floor(watts * hours), q: 0 },
        time,
      };
    }
    const fields = { active_power_w: 4500, import_wh_total: Math.floor(4500 * hours), q: 0 };
    yield { measurement: "energy_meter", tags: { ...place, device: "main-meter" }, fields, time };
  }
}

async function fill(store: Store): Promise<void> {
  await store.write([...linesOf()], new AbortController().signal);
}

function trimmed(text: string): string {
  const lines = text.split("\n").map((line) => line.trimEnd());
  return lines.join("\n").trimEnd();
}

beforeAll(async () => {
  const example = readFileSync(join(root, "config/examples/one-rack.yaml"), "utf8");
  const kept = example.replace("data/one-rack/store.sqlite", "store.sqlite\n  retention: 36500d");
  folder.write("site.yaml", kept);
  const path = join(folder.path, "store.sqlite");
  const options = v.parse(storeOptions, { engine: "sqlite", path, retention: "36500d" });
  await using store = await openStore(options, realPlatform());
  await fill(store);
  const args = ["--dialect", "sqlite", "--since", "1d", "--until", "2025-03-29"];
  const { out } = await rackstreet(["capacity", "queries", "site.yaml", ...args], at);
  folder.write("pue.sql", out.slice(out.indexOf("-- Interim PUE")));
});

describe("the page for people with the database alone", () => {
  test.each(shown)("shows $command", async ({ command, into, text }) => {
    const { code, out, err } = await rackstreet(wordsOf(command), at);
    expect([code, err]).toEqual([0, ""]);
    if (into === undefined) expect(trimmed(out)).toBe(text);
    else folder.write(into, out);
    if (into?.endsWith(".json") === true) JSON.parse(out);
  });

  test.skipIf(!needs("influxd", "influxdb") || !needs("curl", "curl"))(
    "sends the InfluxQL file to InfluxDB as it stands",
    async () => {
      await using influxd = await startInfluxd();
      const settings = { gzip: false, create: true, timeout: 10_000, database: "rackstreet" };
      await using store = openInfluxdb1(
        { engine: "influxdb1", url: influxd.url, ...settings },
        realPlatform(),
      );
      await fill(store);
      const args = ["--since", "1d", "--until", "2025-03-29"];
      const file = await rackstreet(["capacity", "queries", "site.yaml", ...args], at);
      folder.write("capacity.influxql", file.out);
      const line = /^curl .*influxql$/m.exec(page)?.[0] ?? "";
      const [, ...words] = wordsOf(line.replace("http://127.0.0.1:8086", influxd.url));
      const { stdout } = await promisify(execFile)("curl", words, at);
      const answer: unknown = JSON.parse(stdout);
      const results = isRecord(answer) && Array.isArray(answer["results"]) ? answer["results"] : [];
      const told = results.filter((one) => isRecord(one) && "series" in one);
      expect(results.length).toBeGreaterThan(20);
      expect(JSON.stringify(results)).not.toContain("error");
      // W of what the PDUs and the meter measure; nothing here tells VA or phases.
      expect(told.length).toBeGreaterThan(15);
      expect(stdout).toContain("103500");
    },
  );
});

describe("capacity queries", () => {
  test("of a site without a topology names the page that begins one", async () => {
    folder.write("bare.yaml", "site: lab\n");
    const { code, err } = await rackstreet(["capacity", "queries", "bare.yaml"], at);
    expect(code).toBe(64);
    expect(err).toContain("docs/topology.md begins one");
  });
});

describe("store sql", () => {
  test("gives JSON, and refuses what is no SELECT", async () => {
    const args = ["store", "sql", "-c", "site.yaml", "--since", "2025-03-28", "--json"];
    const { out } = await rackstreet([...args, "SELECT max(time) AS t FROM rack_power"], at);
    expect(JSON.parse(out)).toEqual([[{ t: end - 5 * minute }]]);
    const { code, err } = await rackstreet([...args, "DELETE FROM rack_power"], at);
    expect(code).toBe(78);
    expect(err).toContain("only SELECT is allowed");
  });

  test("wants a statement or a file, and not both", async () => {
    const { code, err } = await rackstreet(["store", "sql", "-c", "site.yaml"], at);
    expect(code).toBe(64);
    expect(err).toContain("give either a statement or --file");
  });
});
