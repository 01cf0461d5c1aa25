/** A serial line without hardware, also where no vitest runs. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.ts";

/** Two ends of one serial line (socat); a real program would open `ours`. */
export interface Line extends AsyncDisposable {
  readonly ours: string;
  readonly theirs: string;
}

/** `at`: a folder for the ends, which is kept; a line of its own name when left out. */
export async function startLine(at?: string): Promise<Line> {
  const folder = at ?? (await mkdtemp(join(tmpdir(), "rackstreet-line-")));
  const [ours, theirs] = [join(folder, "ours"), join(folder, "theirs")];
  const ends = [ours, theirs].map((end) => `PTY,raw,echo=0,link=${end}`);
  const child = spawn("socat", ends, { stdio: "ignore" });
  const exited = once(child, "exit");
  const there = (): boolean => existsSync(ours) && existsSync(theirs);
  const made = await until(there, { timeout: 10_000, interval: 10 });
  if (!made) throw new Error("socat made no line");
  return {
    ours,
    theirs,
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
      if (at === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
