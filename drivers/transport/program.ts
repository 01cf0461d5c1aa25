/**
 * Runs a program of the machine: the drivers' door to child processes. Never through a shell; with
 * a bare environment, a deadline, and an output that is bounded. A secret goes to the child by
 * its environment or its standard input, never as an argument, which all users can read.
 */
import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, messageOf, systemCode } from "../../telemetry/index.ts";

export interface ProgramCall {
  /** A path, or a name that is looked for in PATH. */
  readonly program: string;
  readonly args: readonly string[];
  /** Beside PATH and a locale of `C`. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Longest run. @unit ms */
  readonly timeout: number;
  /** Longest output. @unit bytes */
  readonly limit?: number;
  /** The package that has it, for the message when it is missing. */
  readonly package?: string | undefined;
}

/** How it ended: what it printed is whole, whatever its exit code. */
export interface ProgramResult {
  readonly exit: number;
  readonly output: string;
  /** The end of what it said on standard error. */
  readonly said: string;
}

/** Runs one program; tests put recordings in its place. */
export type RunProgram = (call: ProgramCall, signal: AbortSignal) => Promise<ProgramResult>;

/** Longest output, unless asked for otherwise. @unit bytes */
const usualLimit = 8 * 1024 * 1024;

/** Of what it said on standard error. @unit characters */
const keptWords = 500;

/**
 * The door itself. A program that overstays is killed.
 * @throws E_PROGRAM_MISSING, E_PROGRAM, E_DISCONNECTED when given up
 */
export function programRunner(clock: Pick<Clock, "after">): RunProgram {
  return (call, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(givenUp(call));
      const child = started(call);
      const output: Buffer[] = [];
      const limit = call.limit ?? usualLimit;
      let length = 0;
      let said = "";
      const end = (settle: () => void): void => {
        timer.cancel();
        signal.removeEventListener("abort", giveUp);
        // It is nobody's once its caller has an answer.
        child.kill("SIGKILL");
        child.stdout.destroy();
        child.stderr.destroy();
        settle();
      };
      const fail = (error: GatewayError): void => end(() => reject(error));
      const giveUp = (): void => fail(givenUp(call));
      const timer = clock.after(call.timeout, () =>
        fail(failed(call, `did not end within ${call.timeout / 1000} s`)),
      );
      signal.addEventListener("abort", giveUp, { once: true });
      child.on("error", (cause) => fail(notStarted(call, cause)));
      child.stdin.on("error", () => undefined);
      child.stdout.on("data", (piece: Buffer) => {
        output.push(piece);
        length += piece.length;
        if (length > limit) fail(failed(call, `printed more than ${limit} bytes`));
      });
      child.stderr.on("data", (piece: Buffer) => {
        said = (said + piece.toString("utf8")).slice(-keptWords);
      });
      child.on("close", (code, killed) => {
        if (code === null) return fail(failed(call, `was ended by ${killed ?? "a signal"}`));
        const text = Buffer.concat(output).toString("utf8");
        end(() => resolve({ exit: code, output: text, said: said.trim() }));
      });
      child.stdin.end(call.input ?? "");
    });
}

function started(call: ProgramCall): ChildProcessByStdio<Writable, Readable, Readable> {
  const environment = { PATH: process.env["PATH"] ?? "", LC_ALL: "C", ...call.environment };
  return spawn(call.program, [...call.args], {
    env: environment,
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
}

function notStarted(call: ProgramCall, cause: unknown): GatewayError {
  const code = systemCode(cause);
  if (code !== "ENOENT" && code !== "EACCES") return failed(call, messageOf(cause), cause);
  const why = code === "ENOENT" ? "is not there" : "may not be run";
  const from = call.package === undefined ? "" : `; install \`${call.package}\``;
  return new GatewayError("E_PROGRAM_MISSING", `${call.program} ${why}${from}`, { cause });
}

function failed(call: ProgramCall, why: string, cause?: unknown): GatewayError {
  return new GatewayError("E_PROGRAM", `${call.program}: ${why}`, { cause });
}

function givenUp(call: ProgramCall): GatewayError {
  return new GatewayError("E_DISCONNECTED", `${call.program}: the run was given up`);
}
