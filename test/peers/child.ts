/** A peer that runs as a child process. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Sends a signal and waits for the end; nothing where it has ended. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}
