/** Whatever stands in a file of /proc or /sys, a poll gives legal points and faults, no crash. */
import { mkdir, writeFile } from "node:fs/promises";
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
];

/** Near misses are likelier to get through a parser than noise. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.stringMatching(/^-?\d{0,25}\n?$/),
  fc.stringMatching(/^cpu {1,2}[\d ]{0,60}\ncpu0 [\d ]{0,20}\n$/),
  fc.stringMatching(/^(MemTotal|MemAvailable|SwapTotal): +\d{0,20} kB\n$/),
  fc.stringMatching(/^\d{1,9}\.\d{1,3} \d{1,9}\n$/),
);

describe("host files", () => {
  test("any content gives legal points and faults of its own path", async () => {
    await using root = await RecordedRoot.create();
    for (const path of paths) await mkdir(dirname(join(root.path, path)), { recursive: true });
    const content = fc.tuple(...paths.map(() => anyText));
    await fc.assert(
      fc.asyncProperty(content, content, async (before, after) => {
        const clock = new VirtualClock();
        const context = { clock, entropy: new SeededEntropy(), log: silentLog, buses: {} };
        const target = { id: "host", options: { root: root.path }, profile: undefined };
        await using session = await hostDriver.create(context).open(target);
        for (const texts of [before, after]) {
          for (const [index, path] of paths.entries()) {
            await writeFile(join(root.path, path), texts[index] ?? "");
          }
          const reading = await session
            .read(["load", "thermal", "power"], never)
            .catch((error: unknown) => {
              expect(error).toBeInstanceOf(GatewayError);
              return { points: [], faults: [] };
            });
          expect(reading.points.map(problemOf).find((problem) => problem !== undefined)).toBe(
            undefined,
          );
          for (const { at } of reading.faults) expect(paths).toContain(at.slice(1));
          await clock.advance(1000);
        }
      }),
      { numRuns: 200 },
    );
  });
});
