/** RTU slaves served by libmodbus on one line (`libmodbus_slaves.py`). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needs, needsLibrary } from "../peers.ts";

/** Registers by address. */
export interface SlaveTables {
  readonly holding?: Readonly<Record<number, number>>;
  readonly input?: Readonly<Record<number, number>>;
}

export interface SlaveLine extends AsyncDisposable {
  /** The master's end, as a serial port. */
  readonly port: string;
}

/** Whether libmodbus is there; under CI=true it must be. */
export function hasLibmodbus(): boolean {
  return needs("/usr/bin/python3", "python3") && needsLibrary("libmodbus.so.5", "libmodbus5");
}

/** Slaves by unit, all on one line. */
export async function startSlaves(
  slaves: Readonly<Record<number, SlaveTables>>,
  { baud = 9600, parity = "none" } = {},
): Promise<SlaveLine> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-libmodbus-"));
  const port = join(folder, "line");
  const script = join(import.meta.dirname, "libmodbus_slaves.py");
  const child = spawn("/usr/bin/python3", [script, port, String(baud), parity], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  child.stdin.write(`${JSON.stringify(slaves)}\n`);
  await Promise.race([once(child.stdout, "data"), exited]);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
