/**
 * What a poll of a large machine costs the agent: 128 cores, 64 sensors, 16 disks, 4 interfaces, 8
 * file systems, as files of a folder (a tmpfs where there is one; a real sensor takes as long as
 * its bus does, but on a thread). Polls as fast as they go, after the first, which looks around.
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { clock, entropy } from "../cli/platform.ts";
import { hostDriver } from "../drivers/host/index.ts";
import { silentLog } from "../test/virtual.ts";

const polls = 200;
const cores = 128;
const usual = ["load", "thermal", "power", "fans", "electrical", "network", "disks", "filesystems"];

interface Cost {
  readonly points: number;
  readonly first_ms: number;
  readonly poll_ms: number;
  readonly cpu_ms: number;
  /** Most processor time that one turn of the event loop took: what others waited at least. */
  readonly turn_ms: number;
}

export async function run(): Promise<unknown> {
  const base = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const root = await mkdtemp(join(base, "rackstreet-bench-host-"));
  try {
    await build(root);
    return {
      usual: await measure(root, usual),
      with_cores: await measure(root, [...usual, "cores"]),
    };
  } finally {
    await rm(root, { recursive: true });
  }
}

async function measure(root: string, parts: readonly string[]): Promise<Cost> {
  const context = { clock, entropy, log: silentLog, buses: {} };
  const options = { root, parts };
  const target = { id: "host", options, profile: undefined };
  await using session = await hostDriver.create(context).open(target);
  const { signal } = new AbortController();
  const began = performance.now();
  await session.read(parts, signal);
  const first = performance.now() - began;
  for (let warm = 0; warm < 20; warm += 1) await session.read(parts, signal);
  const turns = new Turns();
  const before = process.cpuUsage();
  const start = performance.now();
  let points = 0;
  for (let poll = 0; poll < polls; poll += 1) {
    points = (await session.read(parts, signal)).points.length;
  }
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  const longest = turns.end();
  return {
    points,
    first_ms: rounded(first),
    poll_ms: rounded(wall / polls),
    cpu_ms: rounded((user + system) / 1000 / polls),
    turn_ms: rounded(longest),
  };
}

/** Watches the processor time of each turn of the loop, which other programs cannot lengthen. */
class Turns {
  #longest = 0;
  #before = process.threadCpuUsage();
  #watching = true;

  constructor() {
    setImmediate(() => this.#turn());
  }

  /** @unit ms */
  end(): number {
    this.#watching = false;
    return this.#longest;
  }

  #turn(): void {
    const { user, system } = process.threadCpuUsage(this.#before);
    this.#before = process.threadCpuUsage();
    this.#longest = Math.max(this.#longest, (user + system) / 1000);
    if (this.#watching) setImmediate(() => this.#turn());
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

async function build(root: string): Promise<void> {
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const link = async (path: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink("../../../device", join(root, path));
  };
  const ticks = "10132153 290696 3084719 46828483 16683 0 25195 0 175628 0";
  const all = Array.from({ length: cores }, (_, core) => `cpu${core} ${ticks}\n`).join("");
  await put("proc/stat", `cpu  ${ticks}\n${all}intr 99${" 0".repeat(2000)}\n`);
  await put("proc/loadavg", "12.80 11.02 9.75 14/1203 90112\n");
  await put("proc/uptime", "864210.07 7011024.55\n");
  await put("proc/meminfo", "MemTotal: 263842104 kB\nMemAvailable: 191202300 kB\n".repeat(25));
  await put("proc/vmstat", `${"nr_free_pages 2705983\n".repeat(180)}oom_kill 0\n`);
  for (const resource of ["cpu", "memory", "io"]) {
    await put(`proc/pressure/${resource}`, "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
  }
  for (let core = 0; core < cores; core += 1) {
    await put(`sys/devices/system/cpu/cpu${core}/cpufreq/scaling_cur_freq`, "3400000\n");
  }
  const kinds = { temp: 32, fan: 12, in: 12, power: 8 };
  for (const [kind, count] of Object.entries(kinds)) {
    await put(`sys/class/hwmon/hwmon-${kind}/name`, `chip${kind}\n`);
    for (let n = 1; n <= count; n += 1) {
      await put(`sys/class/hwmon/hwmon-${kind}/${kind}${n}_input`, "42000\n");
      await put(`sys/class/hwmon/hwmon-${kind}/${kind}${n}_label`, `${kind} ${n}\n`);
    }
  }
  for (const [zone, name] of [
    ["0", "package-0"],
    ["0:0", "dram"],
    ["1", "package-1"],
    ["1:0", "dram"],
  ]) {
    await put(`sys/class/powercap/intel-rapl:${zone}/name`, `${name}\n`);
    await put(`sys/class/powercap/intel-rapl:${zone}/max_energy_range_uj`, "262143328850\n");
    await put(`sys/class/powercap/intel-rapl:${zone}/energy_uj`, "18230401925\n");
  }
  const disks = Array.from({ length: 16 }, (_, n) => `nvme${n}n1`);
  for (const disk of disks) await link(`sys/block/${disk}/device`);
  const lines = disks.map((disk) => ` 259 0 ${disk} 5 0 40 1 5 0 40 1 0 2 2 0 0 0 0 0 0\n`);
  await put("proc/diskstats", lines.join(""));
  const nics = ["eno1", "eno2", "enp65s0", "enp66s0"];
  for (const nic of nics) {
    await link(`sys/class/net/${nic}/device`);
    await put(`sys/class/net/${nic}/operstate`, "up\n");
    await put(`sys/class/net/${nic}/speed`, "25000\n");
  }
  const counts = nics.map((nic) => `${nic}: ${"1234567890 ".repeat(16)}\n`.replace(" \n", "\n"));
  await put("proc/1/net/dev", `Inter-|\n face |\n${counts.join("")}`);
  const mounts = ["/", "/proc", "/sys", "/a", "/b", "/c", "/d", "/e"];
  const info = mounts.map((at, n) => `2${n} 1 8:${n} / ${at} rw shared:1 - ext4 /dev/sda${n} rw\n`);
  for (const at of mounts) await mkdir(join(root, at), { recursive: true });
  await put("proc/1/mountinfo", info.join(""));
}
