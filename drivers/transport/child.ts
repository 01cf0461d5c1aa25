/**
 * One child process, from its start to its certain end. It leads a process group of its own, and
 * what is left of the group is killed with it, so that nothing a program started outlives it; only
 * what makes itself a session of its own (a daemon) escapes.
 *
 * The end is SIGKILL, which no program can ignore. Limit: `mostLingering` children of one program
 * that were killed and are not gone, as the kernel may hold one that waits for a broken device.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import type { Clock, Timer } from "../../telemetry/index.ts";
import { GatewayError, messageOf, systemCode } from "../../telemetry/index.ts";

/** What is started, and how. */
export interface Launch {
  /** A path, or a name that is looked for in PATH. */
  readonly program: string;
  /** Every user of the machine can read them: no secrets. */
  readonly args: readonly string[];
  /** Beside PATH, in which the folders `sbin` are always, and a locale of `C`. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | undefined;
  /** The package that has it, for the message when it is missing. */
  readonly package?: string | undefined;
}

export interface Task {
  readonly launch: Launch;
  /** Longest run. @unit ms */
  readonly timeout?: number | undefined;
  /** Longest time without output. @unit ms */
  readonly silence?: number | undefined;
  /** Takes a piece of the output. What it throws ends the child, and the run with that error. */
  readonly take: (piece: Buffer) => void;
}

/** How a child ended by itself. */
export interface Ended {
  readonly exit: number;
  /** The end of what it said on standard error. */
  readonly said: string;
}

/** Of what it said on standard error. @unit characters */
const keptWords = 500;

/** Its output ends with it, unless something that escaped holds it open. @unit ms */
const closingTime = 2000;

const mostLingering = 8;

/** On Windows a group of its own would mean a console of its own. */
const grouped = process.platform !== "win32";

export class Children {
  readonly #clock: Pick<Clock, "after">;
  /** Killed and not gone yet, by program. */
  readonly #lingering = new Map<string, number>();

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  /**
   * Runs a child until it has ended by itself and all its output was taken.
   * @throws E_PROGRAM_MISSING, E_PROGRAM, E_DISCONNECTED when given up, and what `take` throws
   */
  async run(task: Task, signal: AbortSignal): Promise<Ended> {
    const { launch } = task;
    if (signal.aborted) throw givenUp(launch);
    if ((this.#lingering.get(launch.program) ?? 0) >= mostLingering) {
      throw failed(launch, `${mostLingering} earlier runs of it were killed and are not gone`);
    }
    const child = started(launch);
    try {
      return await attended(child, { task, signal, clock: this.#clock });
    } finally {
      this.#end(launch.program, child);
    }
  }

  #end(program: string, child: ChildProcess): void {
    child.stdout?.destroy();
    child.stderr?.destroy();
    if (child.pid === undefined || hasEnded(child)) return;
    killGroup(child);
    this.#lingering.set(program, (this.#lingering.get(program) ?? 0) + 1);
    child.once("exit", () => {
      const left = (this.#lingering.get(program) ?? 1) - 1;
      if (left > 0) this.#lingering.set(program, left);
      else this.#lingering.delete(program);
    });
  }
}

interface Watch {
  readonly task: Task;
  readonly signal: AbortSignal;
  readonly clock: Pick<Clock, "after">;
}

/** Settles when the child has ended, or must be ended. */
function attended(child: ChildProcess, { task, signal, clock }: Watch): Promise<Ended> {
  const { launch, timeout, silence, take } = task;
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  let said = "";
  let quiet: Timer | undefined;
  const limit = (time: number | undefined, why: string): Timer | undefined =>
    time === undefined ? undefined : clock.after(time, () => reject(failed(launch, why)));
  const heed = (): void => {
    quiet?.cancel();
    quiet = limit(silence, `said nothing for ${seconds(silence)}`);
  };
  const deadline = limit(timeout, `did not end within ${seconds(timeout)}`);
  let closing: Timer | undefined;
  const giveUp = (): void => reject(givenUp(launch));
  signal.addEventListener("abort", giveUp, { once: true });
  child.on("error", (cause) => reject(notStarted(launch, cause)));
  child.on("exit", () => {
    // Before its number can be another's: who is left of its group has lost his master.
    killGroup(child);
    closing = limit(closingTime, "ended, but something that it started keeps its output open");
  });
  child.on("close", (exit, killer) => {
    if (exit === null) return reject(failed(launch, `was ended by ${killer ?? "a signal"}`));
    resolve({ exit, said: said.trim() });
  });
  child.stdout?.on("data", (piece: Buffer) => {
    heed();
    try {
      take(piece);
    } catch (error) {
      reject(error);
    }
  });
  child.stderr?.setEncoding("utf8").on("data", (piece: string) => {
    said = (said + piece).slice(-keptWords);
  });
  // A program need not read what it is given.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(launch.input ?? "");
  heed();
  return promise.finally(() => {
    for (const timer of [deadline, quiet, closing]) timer?.cancel();
    signal.removeEventListener("abort", giveUp);
  });
}

function started(launch: Launch): ChildProcess {
  const environment = { PATH: searchPath(), LC_ALL: "C", ...launch.environment };
  try {
    return spawn(launch.program, [...launch.args], {
      env: environment,
      stdio: ["pipe", "pipe", "pipe"],
      detached: grouped,
      windowsHide: true,
    });
  } catch (error) {
    throw notStarted(launch, error);
  }
}

/** A service's PATH may lack the places of programs that are made for the administrator. */
function searchPath(): string {
  const own = process.env["PATH"] ?? "";
  return grouped ? `${own === "" ? "/usr/bin:/bin" : own}:/usr/sbin:/sbin` : own;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function killGroup(child: ChildProcess): void {
  if (!grouped || child.pid === undefined) return void child.kill("SIGKILL");
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nobody is left, or it runs as another user: then it lingers, and is counted.
  }
}

function notStarted(launch: Launch, cause: unknown): GatewayError {
  const code = systemCode(cause);
  if (code !== "ENOENT" && code !== "EACCES") return failed(launch, messageOf(cause), cause);
  const why = code === "ENOENT" ? "is not there" : "may not be run";
  const from = launch.package === undefined ? "" : `; install \`${launch.package}\``;
  return new GatewayError("E_PROGRAM_MISSING", `${launch.program} ${why}${from}`, { cause });
}

/** What a program that cannot be used is told by. */
export function failed({ program }: Launch, why: string, cause?: unknown): GatewayError {
  return new GatewayError("E_PROGRAM", `${program}: ${why}`, { cause });
}

function givenUp({ program }: Launch): GatewayError {
  return new GatewayError("E_DISCONNECTED", `${program}: the run was given up`);
}

function seconds(ms = 0): string {
  return `${ms / 1000} s`;
}
