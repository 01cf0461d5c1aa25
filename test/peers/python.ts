/** Servers in Debian's Python that say a word on standard output when they serve. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** Starts a script of this folder and waits for its first word. */
export async function startPython(
  script: string,
  args: readonly string[],
): Promise<AsyncDisposable> {
  const child = spawn("/usr/bin/python3", [join(import.meta.dirname, script), ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
