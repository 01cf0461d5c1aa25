/**
 * Golden instruments: `sentences.txt` as it came over the line, `expected.lp` the points of each
 * sentence, `expected.err` the faults. `npx vitest -u` rewrites.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import type { Heard } from "../../drivers/contract.ts";
import { nmeaEar } from "../../drivers/nmea/ear.ts";
import { nmeaOptionsSchema } from "../../drivers/nmea/options.ts";
import { SentenceReader } from "../../drivers/nmea/sentence.ts";
import { problemOf } from "../../telemetry/index.ts";
import { VirtualClock } from "../virtual.ts";
import { faultLine, lineOf } from "../drivers/lines.ts";

const folder = join(import.meta.dirname, "drivers/nmea");
const subjects = (await readdir(folder, { withFileTypes: true })).filter((entry) =>
  entry.isDirectory(),
);

const options = v.parse(nmeaOptionsSchema, {
  bus: "line",
  every: "0ms",
  xdr: {
    TempAir: { field: "temp_c" },
    AirTemp: { field: "temp_c" },
    "C:0": { field: "temp_c" },
    Barometer: { field: "pressure_pa" },
    Baro: { field: "pressure_pa" },
    "P:3": { field: "pressure_pa", scale: 0.001 },
    "H:2": { field: "rh_pct" },
  },
});

describe("golden instruments", () => {
  test.each(subjects.map(({ name }) => name))("%s", async (subject) => {
    const heard: Heard[] = [];
    const ear = nmeaEar(options, new VirtualClock(), (one) => heard.push(one));
    const recorded = await readFile(join(folder, subject, "sentences.txt"));
    ear(new SentenceReader().accept(recorded));
    const points = heard.flatMap(({ reading }) => reading.points);
    expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    const lines = points.map((point) => `${lineOf(point)}\n`).join("");
    const faults = heard
      .flatMap(({ reading }) => reading.faults)
      .map((one) => `${faultLine(one)}\n`);
    await expect(lines).toMatchFileSnapshot(join(folder, subject, "expected.lp"));
    await expect(faults.join("")).toMatchFileSnapshot(join(folder, subject, "expected.err"));
  });
});
