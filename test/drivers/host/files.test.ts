/** Whatever stands in a file of /proc or /sys, a poll gives legal points and faults, no crash. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatewayError, problemOf } from "../../../telemetry/index.ts";
import { hostDriver } from "../../../drivers/host/index.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../../virtual.ts";
import { RecordedRoot } from "./recording.ts";

const never = new AbortController().signal;
const paths = [
  "proc/stat",
  "proc/loadavg",
  "proc/meminfo",
  "proc/uptime",
  "sys/class/hwmon/hwmon0/name",
  "sys/class/hwmon/hwmon0/temp1_input",
  "sys/class/hwmon/hwmon0/temp1_label",
  "sys/class/thermal/thermal_zone0/type",
  "sys/class/thermal/thermal_zone0/temp",
  "sys/class/powercap/intel-rapl:0/name",
  "sys/class/powercap/intel-rapl:0/max_energy_range_uj",
  "sys/class/powercap/intel-rapl:0/energy_uj",
  "sys/class/hwmon/hwmon0/fan1_input",
  "sys/class/hwmon/hwmon0/fan1_fault",
  "sys/class/hwmon/hwmon0/in1_input",
  "sys/class/hwmon/hwmon0/power1_average",
  "sys/class/hwmon/hwmon0/energy1_input",
  "sys/class/net/eth0/operstate",
  "sys/class/net/eth0/speed",
  "sys/block/sda/wwid",
  "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
  "sys/devices/system/edac/mc/mc0/ce_count",
  "proc/1/net/dev",
  "proc/1/mountinfo",
  "proc/diskstats",
  "proc/pressure/io",
  "proc/vmstat",
  "proc/sys/kernel/random/boot_id",
];
const parts = ["load", "thermal", "power", "fans", "electrical"];
const more = ["network", "disks", "filesystems", "cores"];

/** Near misses are likelier to get through a parser than noise. */
const anyText = fc.oneof(
  // What every object has is no state of anything.
  fc.constantFrom("valueOf", "constructor\n", "__proto__"),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.stringMatching(/^-?\d{0,25}\n?$/),
  fc.stringMatching(/^cpu {1,2}[\d ]{0,60}\ncpu0 [\d ]{0,20}\n$/),
  fc.stringMatching(/^(MemTotal|MemAvailable|SwapTotal): +\d{0,20} kB\n$/),
  fc.stringMatching(/^\d{1,9}\.\d{1,3} \d{1,9}\n$/),
  fc.stringMatching(/^Inter-\|\n\n *eth0: *(\d{1,20} ){15}\d{1,20}\n$/),
  fc.stringMatching(/^ *8 +0 sda( \d{1,20}){10,17}\n$/),
  fc.stringMatching(/^1 1 8:1 \/ \/[a-z\\0-7]{0,90} rw - (ext4|nfs) [a-z]{1,3} rw\n$/),
  fc.stringMatching(/^some avg10=\d\.\d\d total=\d{1,20}\n$/),
);

describe("host files", () => {
  test("any content gives legal points and faults of its own path", async () => {
    await using root = await RecordedRoot.create();
    for (const path of paths) await mkdir(dirname(join(root.path, path)), { recursive: true });
    for (const path of ["sys/class/net/eth0", "sys/block/sda"]) {
      await symlink("../../../device", join(root.path, path, "device"));
    }
    const content = fc.tuple(...paths.map(() => anyText));
    await fc.assert(
      fc.asyncProperty(content, content, async (before, after) => {
        const clock = new VirtualClock();
        const context = { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} };
        const groups = [...parts, ...more];
        const options = { root: root.path, parts: groups };
        const target = { id: "host", options, profile: undefined };
        await using session = await hostDriver.create(context).open(target);
        for (const texts of [before, after]) {
          for (const [index, path] of paths.entries()) {
            await writeFile(join(root.path, path), texts[index] ?? "");
          }
          const reading = await session.read(groups, never).catch((error: unknown) => {
            expect(error).toBeInstanceOf(GatewayError);
            return { points: [], faults: [] };
          });
          expect(reading.points.map(problemOf).find((problem) => problem !== undefined)).toBe(
            undefined,
          );
          // A mount with a name that fits no tag is told by that name.
          const files = reading.faults.filter(({ at }) => /^[ -~]{1,64}$/.test(at));
          for (const { at } of files) expect(paths).toContain(at.slice(1));
          await clock.advance(1000);
        }
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });
});
