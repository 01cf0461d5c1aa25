/**
 * Golden sensors: `frames.txt` holds frames in hexadecimal as they came, `expected.lp` the points
 * of each, `expected.err` what was broken. `npx vitest -u` rewrites.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Heard } from "../../drivers/contract.ts";
import { pointOf } from "../../drivers/particles/fields.ts";
import { FrameCutter } from "../../drivers/particles/frames.ts";
import { plantower } from "../../drivers/particles/plantower.ts";
import { sds011 } from "../../drivers/particles/sds011.ts";
import { ShdlcReader } from "../../drivers/particles/shdlc.ts";
import { valuesOf } from "../../drivers/particles/sps30.ts";
import { particleEar } from "../../drivers/particles/streamed.ts";
import type { Point } from "../../telemetry/index.ts";
import { problemOf } from "../../telemetry/index.ts";
import { VirtualClock } from "../virtual.ts";
import { faultLine, lineOf } from "../drivers/lines.ts";

const folder = join(import.meta.dirname, "drivers/particles");
const subjects = (await readdir(folder, { withFileTypes: true })).filter((entry) =>
  entry.isDirectory(),
);

function streamed(sensor: string, frames: Buffer): { points: Point[]; faults: string[] } {
  const cutter = new FrameCutter(sensor === "sds011" ? sds011 : plantower);
  const heard: Heard[] = [];
  const parts = { clock: new VirtualClock(), every: 0, channel: "air" };
  particleEar(parts, (one) => heard.push(one))(cutter.accept(frames));
  return {
    points: heard.flatMap(({ reading }) => reading.points),
    faults: heard.flatMap(({ reading }) => reading.faults.map(faultLine)),
  };
}

function asked(frames: Buffer): { points: Point[]; faults: string[] } {
  const { answers } = new ShdlcReader().accept(frames);
  const points = answers.flatMap((answer) => {
    const values = valuesOf(answer);
    return values === undefined ? [] : [pointOf(values, "air")];
  });
  return { points, faults: [] };
}

describe("golden sensors", () => {
  test.each(subjects.map(({ name }) => name))("%s", async (sensor) => {
    const text = await readFile(join(folder, sensor, "frames.txt"), "utf8");
    const frames = Buffer.from(text.replaceAll(/\s/g, ""), "hex");
    const { points, faults } = sensor === "sps30" ? asked(frames) : streamed(sensor, frames);
    expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    const lines = points.map((point) => `${lineOf(point)}\n`).join("");
    await expect(lines).toMatchFileSnapshot(join(folder, sensor, "expected.lp"));
    const errors = faults.map((line) => `${line}\n`).join("");
    await expect(errors).toMatchFileSnapshot(join(folder, sensor, "expected.err"));
  });
});
