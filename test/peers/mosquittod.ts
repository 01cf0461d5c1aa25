/**
 * A real mosquitto of its own for a test, on a free port of 127.0.0.1, open to all there. It never
 * touches the system's service and keeps nothing over its death.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { freePort } from "../ports.ts";

export interface Mosquitto extends AsyncDisposable {
  readonly url: string;
  readonly pid: () => number;
  /** Ends it as a power cut would. */
  kill9(): Promise<void>;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
}

/** Starts mosquitto and returns when it takes connections. */
export async function startMosquitto(): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-mosquitto-"));
  const port = await freePort();
  const config = join(folder, "mosquitto.conf");
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "persistence false"];
  await writeFile(config, `${lines.join("\n")}\n`);
  let child = await launch(config, port);
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  return {
    url: `mqtt://127.0.0.1:${port}`,
    pid: () => child.pid ?? 0,
    kill9: end,
    async restart() {
      await end();
      child = await launch(config, port);
    },
    async [Symbol.asyncDispose]() {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(config: string, port: number): Promise<ChildProcess> {
  const child = spawn("mosquitto", ["-c", config], { stdio: "ignore" });
  await vi.waitFor(
    async () => {
      const socket = connect(port, "127.0.0.1");
      try {
        await once(socket, "connect");
      } finally {
        socket.destroy();
      }
    },
    { timeout: 30_000, interval: 50 },
  );
  return child;
}
