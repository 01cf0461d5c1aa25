/**
 * Bench: CPU and memory of 10,000 rule instances (ten limits with `for` on 1,000 series) against
 * Debian's Prometheus with the same limits. All run beside each other, at the same time, so that
 * neighbours disturb them alike: our engine and Prometheus with the rules, and both without. What
 * is compared is the CPU that the rules add: reading and storing samples, which ours does
 * elsewhere, is in neither figure. Prometheus gets its samples by scraping this process. A round
 * is one reading and one judgement of all; one a second instead of one in 5 or 15 s, so that a
 * minute tells enough. Memory is that of the whole process; Prometheus holds samples in it too, and
 * V8 leaves garbage lie until there are some 200 MiB of it, so that what is live stands beside it.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clock } from "../cli/platform.ts";
import { GatewayError, isRecord, sleep } from "../telemetry/index.ts";
import { freePort, portOf } from "../test/ports.ts";
import type { Program } from "./processes.ts";
import { cpuOf, loadNow, rounded, start } from "./processes.ts";
import { devices, every, holds, limits, valueOf } from "./rules-load.ts";

const warming = 20_000;
const measured = 60_000;

interface Side {
  readonly withRules: Program;
  readonly without: Program;
}

/** @throws E_TOOL_MISSING */
export async function run(): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-rules-"));
  const exporter = createServer((_, response) => response.end(page(Date.now())));
  await new Promise<void>((resolve) => exporter.listen(0, "127.0.0.1", resolve));
  try {
    using ours = await startOurs(join(folder, "ours"), "rules");
    using oursWithout = await startOurs(join(folder, "none"), "none");
    using theirs = await startPrometheus(join(folder, "theirs"), exporter, true);
    using theirsWithout = await startPrometheus(join(folder, "theirs-none"), exporter, false);
    const ourSide = { withRules: ours, without: oursWithout };
    const peerSide = { withRules: theirs, without: theirsWithout };
    await sleep(clock, warming);
    const before = [cpus(ourSide), cpus(peerSide)] as const;
    await sleep(clock, measured);
    const mine = costs(before[0], cpus(ourSide));
    const peer = costs(before[1], cpus(peerSide));
    process.kill(ours.pid, "SIGUSR2");
    const [active, heap] = (await ours.line()).split(" ").map(Number);
    return {
      bench: "rules",
      ours: mine.rules,
      peer: peer.rules,
      ratio: rounded(mine.rules / peer.rules),
      unit: "CPU ms a round of 10,000 rule instances",
      goal: 1,
      ours_with_input: mine.all,
      peer_with_scrape: peer.all,
      memory_mib: memoryOf(ours),
      peer_memory_mib: memoryOf(theirs),
      memory_ratio: rounded(memoryOf(ours) / memoryOf(theirs)),
      memory_of_rules_mib: rounded(memoryOf(ours) - memoryOf(oursWithout)),
      peer_memory_of_rules_mib: rounded(memoryOf(theirs) - memoryOf(theirsWithout)),
      live_heap_of_ours_mib: heap,
      active,
      peer_active: await activeIn(theirs.url),
      load: loadNow(),
    };
  } finally {
    exporter.close();
    exporter.closeAllConnections();
    await rm(folder, { recursive: true });
  }
}

function page(time: number): string {
  const rows = Array.from({ length: devices }, (_, n) => {
    return `temp_c{device="rack-${n}",sensor="inlet"} ${valueOf(n, time)}\n`;
  });
  return `# TYPE temp_c gauge\n${rows.join("")}`;
}

function cpus({ withRules, without }: Side) {
  return { withRules: cpuOf(withRules.pid), without: cpuOf(without.pid) };
}

type Cpus = ReturnType<typeof cpus>;

/** @unit ms of CPU a round */
function costs(before: Cpus, after: Cpus) {
  const all = after.withRules - before.withRules;
  const without = after.without - before.without;
  return { all: aRound(all), rules: aRound(all - without) };
}

function aRound(seconds: number): number {
  return rounded((1000 * seconds) / (measured / every));
}

/** @unit MiB */
function memoryOf({ pid }: Program): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return rounded(Number(found?.[1]) / 1024);
}

async function startOurs(folder: string, which: string): Promise<Program> {
  await mkdir(folder);
  const file = join(import.meta.dirname, "rules-ours.ts");
  const program = start(process.execPath, ["--expose-gc", file, folder, which]);
  await program.line();
  return program;
}

async function startPrometheus(
  folder: string,
  exporter: Server,
  withRules: boolean,
): Promise<Program & { readonly url: string }> {
  await mkdir(folder);
  const port = await freePort();
  const seconds = `${every / 1000}s`;
  const config = {
    global: { scrape_interval: seconds, evaluation_interval: seconds },
    rule_files: withRules ? ["rules.json"] : [],
    scrape_configs: [
      {
        job_name: "racks",
        static_configs: [{ targets: [`127.0.0.1:${portOf(exporter.address())}`] }],
      },
    ],
  };
  const rules = limits.map((limit, n) => {
    return { alert: `hot-${n}`, expr: `temp_c > ${limit}`, for: `${holds}s` };
  });
  await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config));
  await writeFile(join(folder, "rules.json"), JSON.stringify({ groups: [{ name: "g", rules }] }));
  const url = `http://127.0.0.1:${port}`;
  const program = start("prometheus", [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=error",
  ]);
  while (!(await isReady(url))) {
    if (program.child.exitCode !== null) {
      const why = "prometheus did not start: apt-get install prometheus";
      throw new GatewayError("E_TOOL_MISSING", why);
    }
    await sleep(clock, 100);
  }
  return { ...program, url };
}

async function isReady(url: string): Promise<boolean> {
  return await fetch(`${url}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function activeIn(url: string): Promise<number> {
  const answer: unknown = await (await fetch(`${url}/api/v1/alerts`)).json();
  const data: unknown = isRecord(answer) ? answer["data"] : undefined;
  return isRecord(data) && Array.isArray(data["alerts"]) ? data["alerts"].length : Number.NaN;
}
