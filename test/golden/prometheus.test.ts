/**
 * Golden exporters: `config.yaml` is what a user would write, `device/1.txt`, `2.txt` … are the
 * pages that the exporter gives one after the other, 5 s apart, at noon of the first of January
 * 2026. `expected.lp` holds the points of each reading, `expected.err` its faults, with the number
 * of the page before them where there are several. All groups are read.
 * `npx vitest run test/golden/prometheus.test.ts -u` rewrites what is expected.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readYaml } from "../../config/index.ts";
import { profiles } from "../../config/profiles.gen.ts";
import type { Clock } from "../../telemetry/index.ts";
import { explainError, isRecord, problemOf } from "../../telemetry/index.ts";
import { faultLine, lineOf } from "../drivers/lines.ts";
import { contextWith, never } from "../drivers/modbus/world.ts";
import { openDevice, startExporter } from "../drivers/prometheus/world.ts";

const folder = join(import.meta.dirname, "drivers/prometheus");
const start = Date.UTC(2026, 0, 1);
const interval = 5000;

/** Stands still while a page is read; timeouts are real. */
class PageClock implements Clock {
  page = 0;
  readonly #real = contextWith().clock;

  now(): number {
    return start + this.page * interval;
  }

  monotonic(): number {
    return this.page * interval;
  }

  after(ms: number, run: () => void) {
    return this.#real.after(ms, run);
  }
}

async function configured(at: string) {
  const { data } = await readYaml(join(at, "config.yaml"));
  const devices = isRecord(data) ? data["devices"] : undefined;
  const device = isRecord(devices) ? devices["device"] : undefined;
  if (!isRecord(device)) throw new Error(`${at}/config.yaml has no device`);
  const { profile, url, ...options } = device;
  return { options, url: String(url), profile: profiles[String(profile)] };
}

async function replay(at: string) {
  const names = (await readdir(join(at, "device"))).toSorted();
  const pages = await Promise.all(names.map((name) => readFile(join(at, "device", name), "utf8")));
  const { options, url, profile } = await configured(at);
  const clock = new PageClock();
  await using exporter = await startExporter(() => {
    const body = pages[clock.page] ?? "";
    const type = body.startsWith("<") ? "text/html" : "text/plain; version=0.0.4; charset=utf-8";
    return { body, type };
  });
  const host = exporter.url.replace("http://", "");
  const here = { ...options, url: url.replace("device", host) };
  await using device = await openDevice({ options: here, profile, clock });
  const lp: string[] = [];
  const err: string[] = [];
  for (; clock.page < pages.length; clock.page += 1) {
    const number = pages.length > 1 ? `${clock.page + 1} ` : "";
    try {
      const { points, faults } = await device.session.read(device.all, never);
      expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
      lp.push(...points.map((point) => `${number}${lineOf(point)}`));
      err.push(...faults.map((fault) => `${number}${faultLine(fault)}`));
    } catch (error) {
      const [first = ""] = explainError(error).split("\n");
      err.push(`${number}${first.replaceAll(host, "device")}`);
    }
  }
  return { lp, err, asked: exporter.asked };
}

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

describe("golden exporters", async () => {
  it.each(await readdir(folder))("%s", async (subject) => {
    const at = join(folder, subject);
    const { lp, err, asked } = await replay(at);
    await expect(text(lp)).toMatchFileSnapshot(join(at, "expected.lp"));
    await expect(text(err)).toMatchFileSnapshot(join(at, "expected.err"));
    await expect(text(asked)).toMatchFileSnapshot(join(at, "expected.requests"));
  });
});
