/** Programs that a bench measures from outside: how they are started, and the CPU they took. */
import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { GatewayError } from "../telemetry/index.ts";
import { freePort } from "../test/ports.ts";

export interface Program extends Disposable {
  readonly pid: number;
  readonly child: ChildProcess;
  /** The next line that it prints. */
  line(): Promise<string>;
}

/** Starts a program that ends when disposed. */
export function start(command: string, args: readonly string[]): Program {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "inherit"],
    // Debian keeps brokers where only root's path leads.
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid ?? 0,
    child,
    async line() {
      const { value, done } = await lines.next();
      if (done === true) throw new GatewayError("E_BUG", `${command} ${args.join(" ")} ended`);
      return value;
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

/** Starts a file of this folder with node. */
export function startHere(file: string, args: readonly string[]): Program {
  return start(process.execPath, [join(import.meta.dirname, file), ...args]);
}

export interface Mosquitto extends Program {
  readonly port: number;
}

export interface MosquittoSetup {
  readonly noDelay: boolean;
  /** Lines of its configuration about who may what; left out: anyone may all. */
  readonly more?: readonly string[];
}

/**
 * Starts Mosquitto without a limit of messages in flight; its configuration goes into `folder`.
 * @throws E_TOOL_MISSING
 */
export async function startMosquitto(
  folder: string,
  { noDelay, more = ["allow_anonymous true"] }: MosquittoSetup,
): Promise<Mosquitto> {
  const port = await freePort();
  const file = join(folder, `${port}.conf`);
  const lines = [
    `listener ${port} 127.0.0.1`,
    ...more,
    `set_tcp_nodelay ${noDelay}`,
    "max_inflight_messages 0",
    "max_queued_messages 0",
    "log_type none",
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  const program = start("mosquitto", ["-c", file]);
  while (!(await answers(port))) {
    if (program.child.exitCode === null) continue;
    throw new GatewayError("E_TOOL_MISSING", "mosquitto did not start: apt-get install mosquitto");
  }
  return { ...program, port };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

/** Gives programs, with all threads that they have and will have, one core. */
export function pin(core: number, ...pids: readonly number[]): void {
  for (const pid of pids) execFileSync("taskset", ["-a", "-p", "-c", `${core}`, `${pid}`]);
}

/** `/proc/PID/stat` counts in ticks. @unit ticks/s */
const ticks = 100;

/** CPU time that processes have taken so far. @unit s */
export function cpuOf(...pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) / ticks;
  }, 0);
}

/**
 * Lets processes run before all others, so that what is measured is not the wait for a core that
 * others use; false where that is not allowed.
 */
export function hasten(...pids: readonly number[]): boolean {
  try {
    for (const pid of pids) execFileSync("chrt", ["-a", "-f", "-p", "1", `${pid}`]);
    return true;
  } catch {
    return false;
  }
}

/** Load of the machine over the last minute. */
export function loadNow(): number {
  return rounded(loadavg()[0] ?? 0);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
