/**
 * Bench: deliveries per second at QoS 1, 200 B, 20 publishers to one subscriber, our hub (guard,
 * access and hooks in front of aedes) against Mosquitto without a limit of messages in flight, with
 * and without TCP_NODELAY: the better of the two counts. Broker and load each have a core; rounds
 * alternate, medians count.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { GatewayError } from "../telemetry/index.ts";
import { freePort } from "../test/ports.ts";

export interface BrokerBench {
  readonly bench: "broker";
  readonly ours: number;
  readonly peer: number;
  readonly ratio: number;
  readonly unit: "deliveries/s";
  readonly goal: number;
  /** CPU of the broker, which the neighbours disturb less. @unit s per 100,000 deliveries */
  readonly cpu: { readonly ours: number; readonly peer: number };
}

interface Round {
  readonly rate: number;
  readonly cpu: number;
}

interface Broker {
  readonly child: ChildProcess;
  readonly port: number;
}

const rounds = 5;
const seconds = 2;

/** `/proc/PID/stat` counts in ticks. @unit ticks/s */
const ticks = 100;

/** Runs the bench. @throws E_TOOL_MISSING */
export async function run(): Promise<BrokerBench> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  const ours: Round[] = [];
  const nagle: Round[] = [];
  const noDelay: Round[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      ours.push(await measure(await startOurs()));
      nagle.push(await measure(await startMosquitto(folder, false)));
      noDelay.push(await measure(await startMosquitto(folder, true)));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  const peer = median(nagle, "rate") > median(noDelay, "rate") ? nagle : noDelay;
  const rate = { ours: median(ours, "rate"), peer: median(peer, "rate") };
  return {
    bench: "broker",
    ...rate,
    ratio: rounded(rate.ours / rate.peer),
    unit: "deliveries/s",
    goal: 0.8,
    cpu: { ours: median(ours, "cpu"), peer: median(peer, "cpu") },
  };
}

async function measure({ child, port }: Broker): Promise<Round> {
  try {
    const load = start("1", [process.execPath, here("broker-load.ts"), `${port}`, `${seconds}`]);
    const lines = createInterface({ input: load.stdout ?? process.stdin })[Symbol.asyncIterator]();
    await lines.next();
    const before = await cpuOf(child);
    const { value } = await lines.next();
    const spent = (await cpuOf(child)) - before;
    const result: unknown = JSON.parse(String(value));
    if (!isResult(result)) throw new GatewayError("E_BUG", `load said ${String(value)}`);
    return { rate: result.rate, cpu: rounded((spent / result.deliveries) * 100_000) };
  } finally {
    child.kill("SIGKILL");
  }
}

function isResult(value: unknown): value is { rate: number; deliveries: number } {
  return typeof value === "object" && value !== null && "rate" in value && "deliveries" in value;
}

/** @unit s */
async function cpuOf(child: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${child.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}

async function startOurs(): Promise<Broker> {
  const child = start("0", [process.execPath, here("broker-hub.ts")]);
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const { value } = await lines[Symbol.asyncIterator]().next();
  return { child, port: Number(value) };
}

async function startMosquitto(folder: string, noDelay: boolean): Promise<Broker> {
  const port = await freePort();
  const file = join(folder, `${port}.conf`);
  const lines = [
    `listener ${port} 127.0.0.1`,
    "allow_anonymous true",
    `set_tcp_nodelay ${noDelay}`,
    "max_inflight_messages 0",
    "max_queued_messages 0",
    "log_type none",
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  const child = start("0", ["mosquitto", "-c", file]);
  await reachable(child, port);
  return { child, port };
}

/** `exec`s through taskset, so that the process id is the program's own. */
function start(core: string, command: readonly string[]): ChildProcess {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin`;
  return spawn("taskset", ["-c", core, ...command], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PATH: path },
  });
}

async function reachable(child: ChildProcess, port: number): Promise<void> {
  while (!(await answers(port))) {
    if (child.exitCode === null) continue;
    throw new GatewayError("E_TOOL_MISSING", "mosquitto did not start: apt-get install mosquitto");
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

function here(name: string): string {
  return join(import.meta.dirname, name);
}

function median(results: readonly Round[], key: keyof Round): number {
  const values = results.map((result) => result[key]).toSorted((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
