/** `rackstreet report` on real sockets and lines: good devices, wrong ones, and a busy port. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { spreadOf } from "../../cli/report-page.ts";
import { profiles } from "../../config/profiles.gen.ts";
import { simulate } from "../../drivers/index.ts";
import { openSerial } from "../../drivers/transport/serial.ts";
import { isRecord } from "../../telemetry/index.ts";
import { busDefaults, realClock } from "../drivers/modbus/world.ts";
import { startLine } from "../line.ts";
import { needs } from "../peers.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rackstreet-report-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function report(yaml: string, ...args: readonly string[]) {
  const file = join(folder, "site.yaml");
  await writeFile(file, yaml);
  await using program = startRackstreet(["report", file, "--times", "3", ...args]);
  const code = await program.ended();
  return { code, stdout: program.stdout(), stderr: program.stderr() };
}

describe("a report", () => {
  it("tells of each device what it is, how it answers, what it reads and what is odd", async () => {
    const profile = profiles["eastron-sdm630"];
    await using meter = await simulate({ profile, listen: {}, clock: realClock });
    for (const [index, name] of ["L1", "L2", "L3"].entries()) {
      meter.set("meter_phase", name, { voltage_v: 230.5 + index, active_power_w: 500 });
    }
    meter.set("energy_meter", "", { frequency_hz: 50, active_power_w: 1500 });
    const yaml = `
devices:
  right: { profile: eastron-sdm630, address: "${meter.address}", rack: r1 }
  wrong: { profile: eastron-sdm120, address: "${meter.address}" }
  gone: { profile: xy-md02, address: "tcp://127.0.0.1:${await freePort()}" }
`;
    const out = join(folder, "report.md");
    const { code, stderr } = await report(yaml, "--out", out);
    expect([code, stderr]).toEqual([69, expect.not.stringMatching(/E_/)]);
    const page = await readFile(out, "utf8");
    expect(page).toMatch(/^# Commissioning report: site$/m);
    expect(page).toContain("3 devices: 2 read, 1 gave nothing");
    expect(page).toMatch(/\| right \| r1 \| eastron-sdm630 \| eastron-sdm630 \(certain\) \| tcp/);
    expect(page).toMatch(/\| right \| 3 \| 3 \| 0 \| 0 \| [\d.]+ ms/);
    expect(page).toMatch(/\| gone \| 0 of 2 \|  \| E_CONNECT 2 \|/);
    expect(page).toMatch(
      /\*\*wrong\*\*: configured as eastron-sdm120, but it looks like eastron-sdm630/,
    );
    expect(await report(yaml, "--out", out)).toMatchObject({ code: 64 });
    const { stdout } = await report(yaml, "--json");
    const data: unknown = JSON.parse(stdout);
    expect(isRecord(data) && data["devices"]).toMatchObject([
      { id: "right", read: 3, answers: { asked: 3, answered: 3, damaged: 0 } },
      { id: "wrong", read: 3 },
      { id: "gone", read: 0, faults: { E_CONNECT: 2 } },
    ]);
  });

  it.skipIf(!needs("socat", "socat"))("says so when something else holds a port", async () => {
    await using line = await startLine();
    const held = await openSerial({ ...busDefaults, port: line.ours });
    const yaml = `
buses: { rs485: { port: ${line.ours} } }
devices: { meter: { profile: xy-md02, bus: rs485, unit: 1 } }
`;
    const { code, stderr } = await report(yaml);
    await held.close();
    expect(code).toBe(75);
    expect(stderr).toMatch(/E_SERIAL_BUSY: .*stop the agent first/);
  });
});

describe("a spread", () => {
  it("is of few values their ends, and nothing of none", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ min: 1, mean: 2, p99: 3 });
    expect(spreadOf([])).toEqual({ min: undefined, mean: undefined, p99: undefined });
    const many = Array.from({ length: 200 }, (_, index) => index);
    expect(spreadOf(many).p99).toBe(197);
  });
});
