/**
 * Runs a program that is told an alert: the alerts' door to child processes. Without a shell, with
 * a bare environment; the message comes on standard input, because all users can read arguments.
 * It leads a process group, which is killed with it. What it prints is not read but for the end of
 * standard error. A shorter sister of `drivers/transport/child.ts`, which no other room may use.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { GatewayError, messageOf, systemCode } from "../../telemetry/index.ts";

export interface ProgramCall {
  readonly program: string;
  readonly args: readonly string[];
  readonly input: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface ProgramEnd {
  readonly exit: number;
  /** The end of what it said on standard error. */
  readonly said: string;
}

/** Of what it said on standard error. @unit characters */
const keptWords = 500;

/** On Windows a group of its own would mean a console of its own. */
const grouped = process.platform !== "win32";

/**
 * Runs it until it has ended; when `signal` aborts, it and all it started are killed.
 * @throws E_PROGRAM_MISSING; E_NOTIFY when it was ended by a signal
 */
export async function runProgram(call: ProgramCall, signal: AbortSignal): Promise<ProgramEnd> {
  const { promise, resolve, reject } = Promise.withResolvers<ProgramEnd>();
  const child = started(call);
  let said = "";
  const give = (why: string): void => {
    reject(new GatewayError("E_NOTIFY", `${call.program}: ${why}`));
  };
  const kill = (): void => {
    killGroup(child);
    give("the run was given up");
  };
  child.on("error", (cause) => reject(notStarted(call.program, cause)));
  child.on("exit", (exit, killer) => {
    // Before its number can be another's: who is left of its group has lost his master.
    killGroup(child);
    if (exit === null) give(`was ended by ${killer ?? "a signal"}`);
    else resolve({ exit, said: said.replace(/[\s\p{Cc}]+/gu, " ").trim() });
  });
  child.stderr?.setEncoding("utf8").on("data", (piece: string) => {
    said = (said + piece).slice(-keptWords);
  });
  // A program need not read what it is given.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(call.input);
  if (signal.aborted) kill();
  else signal.addEventListener("abort", kill, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", kill);
    child.stderr?.destroy();
  }
}

function started({ program, args, environment }: ProgramCall): ChildProcess {
  try {
    return spawn(program, [...args], {
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C.UTF-8", ...environment },
      stdio: ["pipe", "ignore", "pipe"],
      detached: grouped,
      windowsHide: true,
    });
  } catch (cause) {
    throw notStarted(program, cause);
  }
}

function killGroup(child: ChildProcess): void {
  if (!grouped || child.pid === undefined) return void child.kill("SIGKILL");
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nobody is left, or it runs as another user.
  }
}

function notStarted(program: string, cause: unknown): GatewayError {
  const code = systemCode(cause);
  const missing = code === "ENOENT" || code === "EACCES";
  const why = code === "ENOENT" ? "is not there" : messageOf(cause);
  const named = missing ? "E_PROGRAM_MISSING" : "E_NOTIFY";
  return new GatewayError(named, `${program}: ${why}`, { cause });
}
