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
import { freePort } from "../ports.ts";
import { until } from "../until.ts";
import { endChild } from "./child.ts";

export interface Mosquitto extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Ends it as a power cut would. */
  kill9(): Promise<void>;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
}

/** Starts it and returns when it takes connections. @param more lines of its configuration */
export async function startMosquitto(more: readonly string[] = []): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-mosquitto-"));
  const port = await freePort();
  const config = join(folder, "mosquitto.conf");
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "persistence false"];
  await writeFile(config, `${[...lines, ...more].join("\n")}\n`);
  let child = await launch(config, port);
  const end = (): Promise<void> => endChild(child, "SIGKILL");
  return {
    url: `mqtt://127.0.0.1:${port}`,
    get pid() {
      return child.pid ?? 0;
    },
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
  const up = await until(() => answers(port), { timeout: 30_000, interval: 50 });
  if (up) return child;
  child.kill("SIGKILL");
  throw new Error("mosquitto takes no connections");
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
