/** Runs the command line as people do: as a process of its own, in a folder of its own. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");

/** A process that lives longer hangs. @unit ms */
const patience = 20_000;

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Running extends AsyncDisposable {
  readonly ended: Promise<Ended>;
  /** Resolves when standard error has shown the text; rejects when the process ends first. */
  shown(text: string): Promise<void>;
  stop(signal: NodeJS.Signals): void;
  /** Reads its standard output no further, as `| head` does. */
  closeOutput(): void;
}

/** Runs a command to its end. */
export async function rackstreet(args: readonly string[], options?: RunOptions): Promise<Ended> {
  await using running = start(args, options);
  return await running.ended;
}

/** Starts a command; disposing it kills it. */
export function start(args: readonly string[], options: RunOptions = {}): Running {
  const child = spawn(process.execPath, [join(root, "cli/main.ts"), ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, NODE_OPTIONS: "", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: patience,
    killSignal: "SIGKILL",
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => void (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (err += chunk.toString()));
  const ended = new Promise<Ended>((done, failed) => {
    child.once("error", failed);
    child.once("close", (code) => done({ code, out, err }));
  });
  const shown = (text: string): Promise<void> =>
    new Promise((done, failed) => {
      const look = (): void => {
        if (err.includes(text)) done();
      };
      child.stderr.on("data", look);
      child.once("close", () => failed(new Error(`ended without "${text}": ${err}`)));
      look();
    });
  return {
    ended,
    shown,
    stop: (signal) => void child.kill(signal),
    closeOutput: () => void child.stdout.destroy(),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

export interface Folder extends Disposable {
  readonly path: string;
  /** Writes a file into it; returns its name. */
  write(name: string, content: string): string;
}

/** A temporary folder, removed when disposed. */
export function openFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "rackstreet-cli-"));
  return {
    path,
    write(name, content) {
      writeFileSync(join(path, name), content);
      return name;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
