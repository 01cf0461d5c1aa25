/** A VictoriaMetrics of its own for a test: temporary folder, a free port on 127.0.0.1. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { isRecord } from "../../telemetry/index.ts";
import { freePort } from "../ports.ts";
import { endChild } from "./child.ts";

/** A series as /api/v1/export gives it. */
export interface Exported {
  readonly metric: Readonly<Record<string, unknown>>;
  readonly values: readonly number[];
  readonly timestamps: readonly number[];
}

export interface Victoria extends AsyncDisposable {
  readonly url: string;
  /** Ends it as a power cut would. */
  kill9(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>;
  /** Everything it holds of one metric, after a flush. */
  exported(name: string): Promise<Exported[]>;
}

/** Starts it and returns when it answers. */
export async function startVictoria(): Promise<Victoria> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-victoria-"));
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  const launch = async (): Promise<ChildProcess> => {
    const args = [
      `-httpListenAddr=${address}`,
      `-storageDataPath=${folder}`,
      "-retentionPeriod=100y",
      "-dedup.minScrapeInterval=1ms",
      "-loggerLevel=PANIC",
    ];
    const started = spawn("victoria-metrics", args, { stdio: "ignore" });
    await vi.waitFor(async () => expectOk(await fetch(`${url}/health`)), { timeout: 30_000 });
    return started;
  };
  let child = await launch();
  const kill9 = (): Promise<void> => endChild(child, "SIGKILL");
  return {
    url,
    kill9,
    async restart() {
      child = await launch();
    },
    async exported(name) {
      expectOk(await fetch(`${url}/internal/force_flush`));
      const query = new URLSearchParams({ match: name, start: "0" });
      const text = await (await fetch(`${url}/api/v1/export?${query.toString()}`)).text();
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => seriesIn(JSON.parse(line)));
    },
    async [Symbol.asyncDispose]() {
      await kill9();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function expectOk({ ok, status }: Response): void {
  if (!ok) throw new Error(`VictoriaMetrics answered ${status}`);
}

function seriesIn(parsed: unknown): Exported {
  const { metric, values, timestamps } = isRecord(parsed) ? parsed : {};
  const numbers = (list: unknown): number[] => (Array.isArray(list) ? list.map(Number) : []);
  return {
    metric: isRecord(metric) ? metric : {},
    values: numbers(values),
    timestamps: numbers(timestamps),
  };
}
