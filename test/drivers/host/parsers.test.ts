/** What the parsers of the driver make of what the kernel and smartctl write, and of noise. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDiskstats } from "../../../drivers/host/disks.ts";
import { parseMounts } from "../../../drivers/host/mounts.ts";
import { parseNetDev } from "../../../drivers/host/network.ts";
import { parseHealth } from "../../../drivers/host/smartctl.ts";
import { parseStat, shareOf } from "../../../drivers/host/stat.ts";
import { fieldFacts, isRecord } from "../../../telemetry/index.ts";

const count = fc.integer({ min: 0, max: 2 ** 43 });
const titles = "Inter-|   Receive\n face |bytes\n";

describe("/proc/net/dev", () => {
  test("gives each interface its columns, however they are aligned", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9.@_-]{0,14}$/);
    const columns = fc.array(count, { minLength: 16, maxLength: 16 });
    const gap = fc.nat(8);
    fc.assert(
      fc.property(fc.dictionary(name, columns), gap, (interfaces, gap) => {
        const pad = " ".repeat(gap);
        const lines = Object.entries(interfaces).map(
          ([name, counts]) => `${pad}${name}:${pad}${counts.join(` ${pad}`)}\n`,
        );
        const parsed = parseNetDev(titles + lines.join(""));
        expect(Object.fromEntries(parsed ?? [])).toEqual(interfaces);
      }),
    );
  });

  test("is nothing without its titles; a line too short or too large is left out", () => {
    expect(parseNetDev("eth0: 1 2 3")).toBeUndefined();
    const huge = `eth0: 18446744073709551615${" 0".repeat(15)}`;
    expect(parseNetDev(`${titles}${huge}\neth1: 1 2 3\n`)?.size).toBe(0);
  });
});

describe("/proc/diskstats", () => {
  test.each([11, 15, 17])("has %d columns, by age of the kernel", (length) => {
    fc.assert(
      fc.property(fc.array(count, { minLength: length, maxLength: length }), (counts) => {
        const parsed = parseDiskstats(` 259       3 nvme0n1 ${counts.join(" ")}\n`);
        expect(parsed?.get("nvme0n1")).toEqual(counts);
      }),
    );
  });

  test("an empty one is empty, one without a disk is none", () => {
    expect(parseDiskstats("")?.size).toBe(0);
    expect(parseDiskstats("nothing of the kind\n")).toBeUndefined();
  });
});

describe("/proc/stat", () => {
  const ticks = fc.array(fc.nat(2 ** 30), { minLength: 8, maxLength: 8 });

  test("a share is between 0 and 100 or none", () => {
    fc.assert(
      fc.property(ticks, ticks, (before, after) => {
        const [first, second] = [before, after].map((one) =>
          parseStat(`cpu  ${one.join(" ")} 0 0\ncpu0 ${one.join(" ")} 0 0\n`),
        );
        const share = second === undefined ? undefined : shareOf(first?.all, second.all);
        if (share !== undefined) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(100);
        }
      }),
    );
  });
});

describe("/proc/self/mountinfo", () => {
  const line = (at: string, type: string, device = "8:1", source = "/dev/sda1"): string =>
    `22 1 ${device} / ${at} rw,relatime shared:1 - ${type} ${source} rw\n`;
  const pathsOf = (text: string, which: "local" | "all"): string[] =>
    (parseMounts(text, which) ?? []).map(({ path }) => path);

  test("local file systems alone, unless all are asked for; those that may hang last", () => {
    const text = [
      line("/", "ext4"),
      line("/nfs", "nfs4", "0:50", "nas:/pool"),
      line("/run", "tmpfs", "0:23", "tmpfs"),
      line("/snap/core", "squashfs", "7:0", "/dev/loop0"),
      line("/home", "xfs", "8:2", "/dev/sda2"),
      line("/auto", "autofs", "0:51", "systemd-1"),
    ].join("");
    expect(pathsOf(text, "local")).toEqual(["/", "/home"]);
    expect(pathsOf(text, "all")).toEqual(["/", "/home", "/nfs", "/run"]);
  });

  test("a file system at several places is told once, at the shortest path", () => {
    const text = line("/var/lib/kubelet/x", "ext4") + line("/srv", "ext4") + line("/mnt/y", "ext4");
    expect(pathsOf(text, "local")).toEqual(["/srv"]);
    const volumes =
      line("/", "btrfs", "0:31", "/dev/sdb") + line("/home", "btrfs", "0:32", "/dev/sdb");
    expect(pathsOf(volumes, "local")).toEqual(["/"]);
  });

  test("what was mounted later at a place hides what was there", () => {
    const text = line("/srv", "ext4") + line("/srv", "nfs4", "0:50", "nas:/pool");
    expect(pathsOf(text, "local")).toEqual([]);
  });

  test("a container's own root is an overlay; a host's overlays are its containers'", () => {
    const merged = "/var/lib/docker/overlay2/x/merged";
    expect(pathsOf(line("/", "overlay", "0:40", "overlay"), "local")).toEqual(["/"]);
    expect(pathsOf(line(merged, "overlay", "0:40", "overlay"), "local")).toEqual([]);
  });

  test("[PROC 5] blanks in a path are octal, and its bytes are UTF-8", () => {
    const name = Buffer.from("/mnt/größe\\040x").toString("latin1");
    expect(pathsOf(line(name, "ext4"), "local")).toEqual(["/mnt/größe x"]);
  });

  test("optional fields may be none or many", () => {
    expect(pathsOf("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "local")).toEqual(["/"]);
    expect(pathsOf("22 1 8:1 / / rw a:1 b:2 c - ext4 /dev/sda1 rw\n", "local")).toEqual(["/"]);
  });

  test("any text gives mounts or none", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseMounts(text, "all")));
  });
});

describe("smartctl's answer", () => {
  const log = fc.record(
    {
      critical_warning: fc.anything(),
      available_spare: fc.anything(),
      percentage_used: fc.anything(),
      media_errors: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const answer = fc.record(
    {
      smartctl: fc.record({ exit_status: fc.nat(255) }),
      smart_status: fc.oneof(fc.record({ passed: fc.boolean() }), fc.anything()),
      temperature: fc.oneof(fc.record({ current: fc.anything() }), fc.anything()),
      power_on_time: fc.oneof(fc.record({ hours: fc.anything() }), fc.anything()),
      nvme_smart_health_information_log: fc.oneof(log, fc.anything()),
      ata_smart_attributes: fc.anything(),
      scsi_error_counter_log: fc.anything(),
      scsi_grown_defect_list: fc.anything(),
    },
    { requiredKeys: ["smartctl"] },
  );

  test("whatever stands in it, its figures fit the register", () => {
    fc.assert(
      fc.property(answer, (answer) => {
        // Not all that may be made up can be written as JSON.
        let text: string;
        try {
          text = JSON.stringify(answer);
        } catch {
          return;
        }
        const health = parseHealth(text);
        for (const { field, value } of health?.kind === "figures" ? health.figures : []) {
          const type = fieldFacts("host_disk", field)?.type;
          expect(type).toBeDefined();
          expect(type === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value)).toBe(
            true,
          );
        }
      }),
    );
  });

  test("what is not smartctl's is none", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseHealth(text)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(text);
        if (!isRecord(value) || !("smartctl" in value)) expect(parseHealth(text)).toBeUndefined();
      }),
    );
  });

  test("a SAS disk: grown defects, uncorrected errors of all kinds, wear", () => {
    const sas = {
      smartctl: { exit_status: 0 },
      smart_status: { passed: true },
      temperature: { current: 31, drive_trip: 60 },
      power_on_time: { hours: 10, minutes: 30 },
      scsi_grown_defect_list: 4,
      scsi_percentage_used_endurance_indicator: 2,
      scsi_error_counter_log: {
        read: { total_uncorrected_errors: 1 },
        write: { total_uncorrected_errors: 0 },
        verify: { total_uncorrected_errors: 2 },
      },
    };
    const health = parseHealth(JSON.stringify(sas));
    const figures = health?.kind === "figures" ? health.figures : [];
    expect(Object.fromEntries(figures.map(({ field, value }) => [field, value]))).toEqual({
      temp_c: 31,
      used_pct: 2,
      power_on_s_total: 37_800,
      media_errors_total: 3,
      reallocated_count: 4,
      health_state: 0,
    });
  });

  test.each([
    ["8 (0 1)", [8]],
    ["0", [0]],
    ["12h+05m", []],
    ["", []],
    ["1.5", []],
  ])("of the raw value %j the leading number counts", (raw, expected) => {
    const table = [{ id: 5, name: "Reallocated_Sector_Ct", raw: { string: raw } }];
    const disk = { smartctl: { exit_status: 0 }, ata_smart_attributes: { table } };
    const health = parseHealth(JSON.stringify(disk));
    const figures = health?.kind === "figures" ? health.figures : undefined;
    expect(figures?.map(({ value }) => value)).toEqual(expected);
  });

  test("an attribute by another name is another thing", () => {
    const table = [{ id: 187, name: "Unknown_SSD_Attribute", raw: { string: "7" } }];
    const disk = { smartctl: { exit_status: 0 }, ata_smart_attributes: { table } };
    expect(parseHealth(JSON.stringify(disk))).toEqual({ kind: "figures", figures: [] });
  });
});
