/**
 * Meters against software nobody here wrote: a DL/T 645 meter by the package dlt645 of PyPI, and
 * published M-Bus telegrams as pyMeterBus understands them.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { profiles } from "../../config/profiles.gen.ts";
import { dlt645 } from "../../drivers/dlt645/index.ts";
import { findResponse } from "../../drivers/mbus/frame.ts";
import type { DataRecord } from "../../drivers/mbus/records.ts";
import { decodeResponse } from "../../drivers/mbus/response.ts";
import { busDefaults, never, startLine } from "../drivers/modbus/world.ts";
import type { Place } from "../drivers/polled/world.ts";
import { hex, openAt } from "../drivers/polled/world.ts";
import { needs, needsPip } from "../peers.ts";
import { freePort } from "../ports.ts";

const hasSocat = needs("socat", "socat");
const hasDlt645 = needsPip("dlt645", "3.2.0");
const hasMeterbus = needsPip("meterbus", "0.8.5", "pymeterbus");

const python = "/usr/bin/python3";

/** A meter; `where` is a port or the path of a serial line. */
async function startMeter(kind: "tcp" | "rtu", where: string): Promise<AsyncDisposable> {
  const script = join(import.meta.dirname, "dlt645_server.py");
  const child = spawn(python, [script, kind, where], { stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), exited]);
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Waits until the meter answers, then checks every value. */
async function expectMeter(place: Pick<Place, "options" | "buses">): Promise<void> {
  const profile = profiles["dlt645-single-phase"];
  for (const meter of ["000012345678", "any"]) {
    await using device = await openAt(dlt645, place, { options: { meter }, profile });
    const read = () => device.session.read(["default"], never);
    const { points, faults } = await vi.waitFor(read, { timeout: 10_000 });
    expect(faults).toEqual([]);
    expect(points[0]?.fields).toEqual({
      voltage_v: 230.1,
      current_a: 5.123,
      active_power_w: -1234.5,
      power_factor_ratio: 0.987,
      import_wh_total: 123_450,
      export_wh_total: 1500,
      q: 0,
    });
  }
}

describe.skipIf(!hasDlt645)("a DL/T 645 meter by the package dlt645", () => {
  it("is read over TCP", async () => {
    const port = await freePort();
    await using _ = await startMeter("tcp", String(port));
    await expectMeter({ options: { address: `tcp://127.0.0.1:${port}` }, buses: {} });
  });

  it.skipIf(!hasSocat)("is read on a serial line", async () => {
    await using line = await startLine();
    await using _ = await startMeter("rtu", line.theirs);
    const bus = { ...busDefaults, baud: 9600, port: line.ours };
    await expectMeter({ options: { bus: "line" }, buses: { line: bus } });
  });
});

/** Telegrams of real meters in the golden recordings, less those that pyMeterBus cannot read. */
function telegrams(): readonly (readonly [string, string])[] {
  const folder = join(import.meta.dirname, "../golden/drivers/mbus");
  return readdirSync(folder).flatMap((name) => {
    const text = readFileSync(join(folder, name, "device/exchange.txt"), "utf8");
    const readme = readFileSync(join(folder, name, "README.md"), "utf8");
    if (!readme.includes("pyMeterBus")) return [];
    return [...text.matchAll(/^< (68 .+)$/gm)].map((found) => [name, found[1] ?? ""] as const);
  });
}

/** A record's number in its quantity's unit; undefined where the tables know none. */
function told({ value, quantity }: DataRecord): number | undefined {
  if (typeof value !== "number" || quantity === undefined) return undefined;
  return (value * quantity.times) / quantity.over + quantity.plus;
}

describe.skipIf(!hasMeterbus)("M-Bus telegrams by pyMeterBus", () => {
  it.each(telegrams())("%s has the same numbers", (_name, telegram) => {
    const script = join(import.meta.dirname, "mbus_decode.py");
    const { stdout } = spawnSync(python, [script], { input: `${telegram}\n`, encoding: "utf8" });
    const theirs: unknown = JSON.parse(stdout);
    const frame = findResponse(hex(telegram), () => true);
    const { records } = frame === undefined ? { records: [] } : decodeResponse(frame);
    expect(theirs).toHaveLength(records.length);
    let compared = 0;
    for (const [index, record] of records.entries()) {
      const ours = told(record);
      // What the maker alone knows, and dates, are no quantities here.
      if (ours === undefined || !Array.isArray(theirs)) continue;
      expect(theirs[index], `record ${index}, VIF ${record.vif}`).toBeCloseTo(ours, 6);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(0);
  });
});
