/**
 * A real InfluxDB 1 of its own for a test: temporary folders, free ports on 127.0.0.1, reporting
 * off. It never touches the system's service. `kill9` and `restart` keep the data.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endChild } from "./child.ts";

export interface Influxd extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Asks it to end and waits; the data stay. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill9(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>;
}

export interface InfluxdSettings {
  /** Which one; left out: Debian's. */
  readonly command?: string;
  /** Lines of the [http] section, e.g. `max-body-size = 1000`. */
  readonly http?: string;
  /** Where its write-ahead log lies; left out: in its own folder. */
  readonly wal?: string;
}

/** How long a start may take on a busy machine. @unit ms */
const startTimeout = 30_000;

/** Starts influxd and returns when it answers /ping. */
export async function startInfluxd(settings: InfluxdSettings = {}): Promise<Influxd> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-influxd-"));
  const [port, rpcPort] = await freePorts();
  const config = join(folder, "influxd.conf");
  await writeFile(config, configText(folder, [port, rpcPort], settings));
  const url = `http://127.0.0.1:${port}`;
  const { command = "influxd" } = settings;
  const start = (): Promise<ChildProcess> => launch(command, config, url);
  let child = await start();
  const end = (signal: NodeJS.Signals): Promise<void> => endChild(child, signal);
  return {
    url,
    get pid() {
      return child.pid ?? 0;
    },
    stop: () => end("SIGTERM"),
    kill9: () => end("SIGKILL"),
    async restart() {
      await end("SIGTERM");
      child = await start();
    },
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(command: string, config: string, url: string): Promise<ChildProcess> {
  const child = spawn(command, ["-config", config], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-4000);
  });
  const deadline = performance.now() + startTimeout;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`influxd ended: ${said}`);
    const answer = await fetch(`${url}/ping`).catch(() => undefined);
    if (answer?.status === 204) return child;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  throw new Error(`influxd did not answer within ${startTimeout} ms: ${said}`);
}

/** Two ports that were free a moment ago; influxd cannot be told to take any free one. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address === "object" && address !== null) ports.push(address.port);
  }
  for (const server of servers) {
    server.close();
    await once(server, "close");
  }
  const [first = 0, second = 0] = ports;
  return [first, second];
}

function configText(
  folder: string,
  [port, rpcPort]: readonly [number, number],
  { http = "", wal = `${folder}/wal` }: InfluxdSettings,
): string {
  return `reporting-enabled = false
bind-address = "127.0.0.1:${rpcPort}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${wal}"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
  ${http}
[logging]
  level = "error"
  suppress-logo = true
`;
}
