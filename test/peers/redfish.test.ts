/** A Redfish service nobody here wrote: OpenStack's sushy-emulator with its made-up server. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { redfish } from "../../drivers/redfish/index.ts";
import { contextWith, never } from "../drivers/modbus/world.ts";
import { needsPip } from "../peers.ts";
import { freePort } from "../ports.ts";

const hasEmulator = needsPip("sushy_tools", "2.2.0", "sushy-tools");

interface Emulator extends AsyncDisposable {
  readonly url: string;
}

async function startEmulator(): Promise<Emulator> {
  const folder = mkdtempSync(join(tmpdir(), "rackstreet-sushy-"));
  const port = await freePort();
  const settings = [
    "SUSHY_EMULATOR_LISTEN_IP = '127.0.0.1'",
    `SUSHY_EMULATOR_LISTEN_PORT = ${port}`,
    `SUSHY_EMULATOR_STATE_DIR = '${folder}'`,
    "SUSHY_EMULATOR_FEATURE_SET = 'full'",
  ];
  const file = join(folder, "emulator.conf");
  writeFileSync(file, settings.map((line) => `${line}\n`).join(""));
  const main = "from sushy_tools.emulator.main import main; main()";
  const child = spawn("/usr/bin/python3", ["-c", main, "--config", file, "--fake"], {
    cwd: folder,
    stdio: "ignore",
  });
  const exited = once(child, "exit");
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

describe.skipIf(!hasEmulator)("the service of sushy-tools", { timeout: 60_000 }, () => {
  it("is walked and read: power state, health, older temperatures and fans", async () => {
    await using emulator = await startEmulator();
    await using driver = redfish.create(contextWith());
    const options = { url: emulator.url };
    await using session = await driver.open({ id: "emulated", options, profile: undefined });
    const read = () => session.read(["all"], never);
    const { points, faults } = await vi.waitFor(read, { timeout: 30_000, interval: 200 });
    expect(faults).toEqual([]);
    const sensor = (name: string, temp_c: number) => {
      return { measurement: "thermal", tags: { sensor: name }, fields: { temp_c, q: 0 } };
    };
    const fan = (name: string, speed_rpm: number) => {
      const fields = { health_state: 0, speed_rpm, q: 0 };
      return { measurement: "fan", tags: { fan: name }, fields };
    };
    expect(points).toEqual([
      { measurement: "server", fields: { on_state: 0, health_state: 0, inlet_c: 25, q: 0 } },
      sensor("CPU_Temp", 41),
      sensor("Chassis_Intake_Temp", 25),
      fan("BaseBoard_System_Fan", 2100),
      fan("BaseBoard_System_Fan_Backup", 2050),
    ]);
  });
});
