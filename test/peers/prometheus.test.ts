/**
 * Exporters nobody here wrote: Debian's node_exporter, read as a device is, and pages by Python's
 * prometheus_client; each page is compared series by series with what that library reads in it.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { profiles } from "../../config/profiles.gen.ts";
import { PageReader } from "../../drivers/prometheus/reader.ts";
import { problemOf } from "../../telemetry/index.ts";
import { never } from "../drivers/modbus/world.ts";
import { openDevice, startExporter } from "../drivers/prometheus/world.ts";
import { needs, needsPython } from "../peers.ts";
import { freePort } from "../ports.ts";

const hasNode = needs("prometheus-node-exporter", "prometheus-node-exporter");
const hasClient = needsPython("prometheus_client", "python3-prometheus-client");

/** One sample: name, labels, value, time in ms. */
type Sample = readonly [string, Readonly<Record<string, string>>, number, number | null];

function python(args: readonly string[], input = ""): string {
  const script = join(import.meta.dirname, "prometheus_pages.py");
  return execFileSync("/usr/bin/python3", [script, ...args], { input, encoding: "utf8" });
}

function valueOf(text: string): number {
  return text.endsWith("inf") ? Number(text.replace("inf", "Infinity")) : Number(text);
}

/** As Python's library reads a page, by name and labels. */
function theirs(page: string, open: boolean): Map<string, Sample> {
  const lines = python(["read", ...(open ? ["openmetrics"] : [])], page)
    .trim()
    .split("\n");
  return byKey(
    lines.map((line): Sample => {
      const [name, labels, value, time]: [string, Record<string, string>, string, number | null] =
        JSON.parse(line);
      const ms = time === null ? null : time * 1000;
      return [name, labels, valueOf(value), ms];
    }),
  );
}

/** As our reader does, when it wants everything but the histograms and summaries themselves. */
function ours(page: string, open: boolean, names: readonly string[]): Map<string, Sample> {
  const reader = new PageReader(page, { wanted: names, seconds: open });
  while (!reader.done) reader.step(100);
  const { families, damaged } = reader.page().facts;
  expect(damaged).toBe(0);
  return byKey(
    [...families].flatMap(([name, all]) =>
      all.map(({ labels, value, time }): Sample => {
        return [name, Object.fromEntries(labels), value, time ?? null];
      }),
    ),
  );
}

function byKey(samples: readonly Sample[]): Map<string, Sample> {
  const sorted = ([name, labels]: Sample): string =>
    JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
  return new Map(samples.map((one) => [sorted(one), one]));
}

function compare(whole: string, open = false): number {
  // It gives counters of plain pages a `_total` that they do not have.
  const page = open ? whole : whole.replaceAll(/^# TYPE \S+ counter$/gm, "#");
  const expected = theirs(page, open);
  const passed = new Set(
    [...page.matchAll(/^# TYPE (\S+) (?:summary|histogram)/gm)].map(([, name]) => name),
  );
  for (const [key, [name]] of expected) if (passed.has(name)) expected.delete(key);
  const names = [...new Set([...expected.values()].map(([name]) => name))];
  const read = ours(page, open, names);
  expect([...read.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [key, one] of expected) expect(read.get(key)).toEqual(one);
  return expected.size;
}

describe.skipIf(!hasClient)("pages by Python's prometheus_client", () => {
  it("read as it reads them itself: text", () => {
    expect(compare(python(["write"]))).toBeGreaterThan(20);
  });

  it("read as it reads them itself: OpenMetrics", () => {
    expect(compare(python(["write", "openmetrics"]), true)).toBeGreaterThan(20);
  });

  it.each(readdirSync(join(import.meta.dirname, "../golden/drivers/prometheus")))(
    "golden %s: both read the same",
    (subject) => {
      const at = join(import.meta.dirname, "../golden/drivers/prometheus", subject, "device/1.txt");
      const page = readFileSync(at, "utf8");
      if (page.startsWith("<") || subject === "damaged_lines") return;
      // It wants a line feed at the end.
      expect(compare(`${page.trimEnd()}\n`)).toBeGreaterThan(0);
    },
  );
});

describe.skipIf(!hasNode)("Debian's node_exporter", () => {
  async function start() {
    const port = await freePort();
    const args = [`--web.listen-address=127.0.0.1:${port}`];
    const child = spawn("prometheus-node-exporter", args, { stdio: "ignore" });
    const url = `http://127.0.0.1:${port}/metrics`;
    await vi.waitFor(async () => expect((await fetch(url)).status).toBe(200), 20_000);
    return {
      url,
      async [Symbol.asyncDispose]() {
        child.kill("SIGKILL");
        await once(child, "exit");
      },
    };
  }

  it("is read as a device: twice, with what only two readings give", async () => {
    await using exporter = await start();
    const { url } = exporter;
    await using device = await openDevice({ options: { url }, profile: profiles["node-exporter"] });
    await device.session.read(device.all, never);
    await vi.waitFor(async () => {
      const { points, faults } = await device.session.read(device.all, never);
      expect(faults).toEqual([]);
      expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
      const host = points.find(({ measurement }) => measurement === "host")?.fields ?? {};
      expect(Number(host["cpu_pct"])).toBeGreaterThan(0);
      expect(Number(host["mem_total_bytes"])).toBeGreaterThan(1e8);
      expect(Number(host["load1_ratio"])).toBeLessThan(1000);
    }, 20_000);
  });

  it.skipIf(!hasClient)("gives a page of thousands of series that Python reads alike", async () => {
    await using exporter = await start();
    const page = await (await fetch(exporter.url)).text();
    expect(compare(page)).toBeGreaterThan(300);
    await using again = await startExporter(() => page);
    const options = { url: again.url };
    await using device = await openDevice({ options, profile: profiles["node-exporter"] });
    expect((await device.session.read(device.all, never)).points.length).toBeGreaterThan(2);
  });
});
