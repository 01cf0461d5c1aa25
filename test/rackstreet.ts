/**
 * The program as a child process: what it logs and prints, signals, and its end. Tests that need
 * the command line start it here.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isRecord } from "../telemetry/index.ts";

const entry = fileURLToPath(new URL("../cli/main.ts", import.meta.url));

export type LogLine = Readonly<Record<string, unknown>>;

export interface Rackstreet extends AsyncDisposable {
  readonly pid: number;
  /** Log lines so far, parsed. */
  readonly log: readonly LogLine[];
  /** Standard output so far. */
  stdout(): string;
  stderr(): string;
  /** Waits for a log line with this event. */
  logged(event: string): Promise<LogLine>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Waits for the end by itself; the exit code. */
  ended(): Promise<number | null>;
}

/** Starts `rackstreet ARGS…` from the sources, or a built binary. */
export function startRackstreet(
  args: readonly string[],
  command: readonly [string, ...string[]] = [process.execPath, entry],
): Rackstreet {
  const [program, ...before] = command;
  const child = spawn(program, [...before, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const log: LogLine[] = [];
  const waiting = new Set<{ event: string; resolve: (line: LogLine) => void }>();
  let stdout = "";
  let stderr = "";
  const exited = once(child, "close");
  child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
  createInterface({ input: child.stderr }).on("line", (line) => {
    stderr += `${line}\n`;
    const parsed = parse(line);
    if (parsed === undefined) return;
    log.push(parsed);
    for (const one of waiting) if (one.event === parsed["msg"]) one.resolve(parsed);
  });
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    log,
    stdout: () => stdout,
    stderr: () => stderr,
    logged(event) {
      const known = log.find((line) => line["msg"] === event);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        waiting.add({ event, resolve });
        void exited.then(() => reject(new Error(`ended before "${event}": ${stderr}`)));
      });
    },
    async end(signal) {
      if (running()) child.kill(signal);
      await exited;
    },
    async ended() {
      await exited;
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      if (running()) child.kill("SIGKILL");
      await exited;
    },
  };
}

function parse(line: string): LogLine | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
