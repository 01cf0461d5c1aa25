/**
 * Bench: Modbus TCP transactions per second, and CPU seconds of the client per 100,000 of them, in
 * the same run against modbus-serial, jsmodbus and libmodbus. The devices are one process of bare
 * sockets on a core of its own, the client is another on the other core; rounds alternate, medians
 * count. Ours goes through `TcpLine.exchange` and `decodeReadReply`, with the window that it
 * learns; `raw` is the least that a client can do in Node. libmodbus has one request outstanding a
 * device and thread; its client is compiled on the spot, and left out without gcc or libmodbus5.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { GatewayError, isRecord } from "../telemetry/index.ts";
import type { Program } from "./processes.ts";
import { cpuOf, loadNow, median, pin, rounded, start, startHere } from "./processes.ts";

interface Case {
  readonly devices: number;
  readonly outstanding: number;
  readonly registers: number;
}

interface Round {
  /** Transactions per second. */
  readonly rate: number;
  /** Of the client. @unit s per 100,000 transactions */
  readonly cpu: number;
  /** Share of its core that the process of the devices took. */
  readonly devices: number;
}

type Rounds = ReadonlyMap<string, readonly Round[]>;

/** What the goal is about. */
const main: Case = { devices: 200, outstanding: 8, registers: 100 };

const others: readonly Case[] = [
  { devices: 1, outstanding: 1, registers: 100 },
  { devices: 1, outstanding: 8, registers: 100 },
  { devices: 200, outstanding: 1, registers: 100 },
  { devices: 1, outstanding: 1, registers: 10 },
  { devices: 1, outstanding: 8, registers: 10 },
  { devices: 200, outstanding: 1, registers: 10 },
  { devices: 200, outstanding: 8, registers: 10 },
];

const peers = ["modbus-serial", "jsmodbus"];

/** How long, and how often; warming up is another second. @unit s */
const thorough = { seconds: 2, rounds: 5 };
const brief = { seconds: 1, rounds: 3 };

/** Runs the bench. */
export async function run(): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-bench-"));
  try {
    const libmodbus = await compile(folder);
    const inMain = await measure(main, libmodbus, thorough);
    const rates = shown(inMain, "rate");
    const cpu = shown(inMain, "cpu");
    const ours = rates["ours"] ?? Number.NaN;
    const peer = Math.max(...peers.map((kind) => rates[kind] ?? 0));
    const cases: Record<string, unknown> = {};
    for (const one of others) {
      const rounds = await measure(one, libmodbus, brief);
      cases[nameOf(one)] = { rates: shown(rounds, "rate"), cpu: shown(rounds, "cpu") };
    }
    return {
      bench: "modbus-tcp",
      ours,
      peer,
      ratio: rounded(ours / peer),
      unit: "transactions/s",
      goal: 1.8,
      case: nameOf(main),
      rates,
      cpu_s_per_100k: cpu,
      cpu_ratio: rounded(Math.min(...peers.map((kind) => cpu[kind] ?? 0)) / (cpu["ours"] ?? 0)),
      devices_busy: shown(inMain, "devices"),
      cases,
      load: loadNow(),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function nameOf({ devices, outstanding, registers }: Case): string {
  return `${devices} devices x ${outstanding} outstanding, ${registers} registers`;
}

/** The client of libmodbus; undefined where it cannot be built. */
async function compile(folder: string): Promise<string | undefined> {
  const program = join(folder, "libmodbus-client");
  const source = join(import.meta.dirname, "libmodbus-client.c");
  const args = ["-O2", "-o", program, source, "-pthread", "-l:libmodbus.so.5"];
  return promisify(execFile)("gcc", args).then(
    () => program,
    () => undefined,
  );
}

async function measure(
  one: Case,
  libmodbus: string | undefined,
  { seconds, rounds }: typeof thorough,
): Promise<Rounds> {
  const kinds = ["ours", ...peers, "raw", ...(libmodbus === undefined ? [] : ["libmodbus"])];
  const all = new Map(kinds.map((kind): [string, Round[]] => [kind, []]));
  using devices = startHere("modbus-server.ts", [`${one.devices}`, `${one.registers}`]);
  pin(0, devices.pid);
  const ports = await devices.line();
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of kinds) {
      const args = [ports, `${one.outstanding}`, `${one.registers}`, `${seconds}`];
      const client =
        kind === "libmodbus" && libmodbus !== undefined
          ? start(libmodbus, args)
          : startHere("modbus-clients.ts", [kind, ...args]);
      all.get(kind)?.push(await measureOne(client, devices));
    }
  }
  return all;
}

async function measureOne(started: Program, devices: Program): Promise<Round> {
  using client = started;
  pin(1, client.pid);
  const before = { cpu: cpuOf(devices.pid), at: performance.now() };
  const result: unknown = JSON.parse(await client.line());
  const busy = (cpuOf(devices.pid) - before.cpu) / ((performance.now() - before.at) / 1000);
  if (!isRecord(result)) throw new GatewayError("E_BUG", "nothing was measured");
  const [transactions, took, cpu] = [result["transactions"], result["took"], result["cpu"]];
  const count = Number(transactions);
  return {
    rate: Math.round(count / Number(took)),
    cpu: rounded((Number(cpu) / count) * 100_000),
    devices: rounded(busy),
  };
}

function shown(rounds: Rounds, what: keyof Round): Record<string, number> {
  return Object.fromEntries(
    [...rounds].map(([kind, all]) => [kind, median(all.map((round) => round[what]))]),
  );
}
