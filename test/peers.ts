/**
 * Programs that tests need and nobody here wrote: present, or skipped with one clear line, or
 * (under CI=true) a failure.
 */
import { spawnSync } from "node:child_process";

/** True when `command` is on PATH; else says which Debian package has it. Throws under CI=true. */
export function needs(command: string, pkg: string): boolean {
  if (spawnSync("sh", ["-c", `command -v ${command}`]).status === 0) return true;
  const line = `${command} is not installed: apt-get install ${pkg}`;
  if (process.env["CI"] === "true") throw new Error(line);
  console.warn(`skipped: ${line}`);
  return false;
}
