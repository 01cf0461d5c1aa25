/**
 * Golden stations: `frames.txt` holds what a station sent, byte for byte, `expected.lp` the points
 * with the station's own time, `expected.err` the faults, `expected.answers` what was answered.
 * `npx vitest -u` rewrites.
 */
import { connect } from "node:net";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { hj212 } from "../../drivers/hj212/index.ts";
import type { Heard } from "../../drivers/contract.ts";
import { problemOf } from "../../telemetry/index.ts";
import { freePort } from "../ports.ts";
import { faultLine, lineOf } from "../drivers/lines.ts";
import { contextOf } from "../drivers/speaker.ts";

const folder = join(import.meta.dirname, "drivers/hj212");

async function replay(subject: string) {
  const frames = await readFile(join(folder, subject, "frames.txt"), "latin1");
  const station = /MN=([^;]*)/.exec(frames)?.[1] ?? "";
  const port = await freePort();
  await using driver = hj212.create(contextOf());
  const factors = { a34006: { field: "pm4_ugm3" } };
  const options = { listen: `tcp://127.0.0.1:${port}`, station, factors };
  await using session = await driver.open({ id: "station", options, profile: undefined });
  const heard: Heard[] = [];
  const abort = new AbortController();
  const listening = session.listen?.((one) => heard.push(one), abort.signal);
  const socket = await vi.waitFor(async () => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  }, 10_000);
  let answers = "";
  socket.on("data", (bytes) => (answers += bytes.toString("latin1")));
  socket.write(Buffer.from(frames, "latin1"));
  const wanted = frames.match(/Flag=[57];CP/g)?.length ?? 0;
  await vi.waitFor(() => expect(answers.split("##")).toHaveLength(wanted + 1), 10_000);
  socket.destroy();
  abort.abort();
  await listening;
  const points = heard.flatMap(({ reading, time }) => {
    expect(reading.points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
    return reading.points.map((point) => `${lineOf(point, time)}\n`);
  });
  const faults = heard.flatMap(({ reading }) => reading.faults.map((one) => `${faultLine(one)}\n`));
  return { points: points.join(""), faults: faults.join(""), answers };
}

describe("golden stations", async () => {
  test.each(await readdir(folder))("%s", async (subject) => {
    const { points, faults, answers } = await replay(subject);
    await expect(points).toMatchFileSnapshot(join(folder, subject, "expected.lp"));
    await expect(faults).toMatchFileSnapshot(join(folder, subject, "expected.err"));
    await expect(answers).toMatchFileSnapshot(join(folder, subject, "expected.answers"));
  });
});
