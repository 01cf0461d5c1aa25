/** A Prometheus Alertmanager of its own for a test: temporary folder, free ports on 127.0.0.1. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { isRecord } from "../../telemetry/index.ts";
import { freePort } from "../ports.ts";
import { endChild } from "./child.ts";

export interface Alertmanager extends AsyncDisposable {
  readonly url: string;
  kill9(): Promise<void>;
  /** Starts it again on the same port with the same folder. */
  restart(): Promise<void>;
  /** `ALERTNAME DEVICE` of the alerts it holds for active. */
  active(): Promise<string[]>;
  /** The same of those that are silenced. */
  silenced(): Promise<string[]>;
  /** Silences what has this device. */
  silence(device: string): Promise<void>;
}

/** Tells a receiver of its own, at once, so that ends can be seen: it lists no resolved alerts. */
const config = (hook: string): string => `
route: { receiver: test, group_by: ["..."], group_wait: 0s, group_interval: 1s }
receivers: [{ name: test, webhook_configs: [{ url: "${hook}", send_resolved: true }] }]
`;

/** Starts it and returns when it answers; `hook` is told of what begins and ends. */
export async function startAlertmanager(hook: string): Promise<Alertmanager> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-alertmanager-"));
  const file = join(folder, "alertmanager.yml");
  await writeFile(file, config(hook));
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  const launch = async (): Promise<ChildProcess> => {
    const args = [
      `--config.file=${file}`,
      `--storage.path=${folder}`,
      `--web.listen-address=${address}`,
      "--cluster.listen-address=",
      "--log.level=error",
    ];
    const started = spawn("prometheus-alertmanager", args, { stdio: "ignore" });
    await vi.waitFor(async () => expectOk(await fetch(`${url}/-/ready`)), { timeout: 30_000 });
    return started;
  };
  let child = await launch();
  const kill9 = (): Promise<void> => endChild(child, "SIGKILL");
  const listed = async (query: string): Promise<string[]> => {
    const response = await fetch(`${url}/api/v2/alerts?${query}`);
    expectOk(response);
    const list: unknown = await response.json();
    return (Array.isArray(list) ? list : []).map(nameOf).toSorted();
  };
  return {
    url,
    kill9,
    async restart() {
      child = await launch();
    },
    active: () => listed("active=true&silenced=false"),
    silenced: () => listed("active=false&silenced=true"),
    async silence(device) {
      const matchers = [{ name: "device", value: device, isRegex: false, isEqual: true }];
      const times = { startsAt: new Date().toISOString(), endsAt: "2100-01-01T00:00:00Z" };
      const body = JSON.stringify({ matchers, ...times, createdBy: "test", comment: "test" });
      const headers = { "content-type": "application/json" };
      expectOk(await fetch(`${url}/api/v2/silences`, { method: "POST", headers, body }));
    },
    async [Symbol.asyncDispose]() {
      await kill9();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function expectOk({ ok, status }: Response): void {
  if (!ok) throw new Error(`Alertmanager answered ${status}`);
}

function nameOf(alert: unknown): string {
  const labels = isRecord(alert) && isRecord(alert["labels"]) ? alert["labels"] : {};
  return `${String(labels["alertname"])} ${String(labels["device"])}`;
}
