/**
 * The real world: clock, entropy, log (the disk is in `folder.ts`). The only files that touch them;
 * all else gets them as parameters. The only door to pino.
 */
import { randomBytes, createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { createServer } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { basename, dirname, join, resolve } from "node:path";
import { styleText } from "node:util";
import { setFlagsFromString } from "node:v8";
import { pino } from "pino";
import type { Clock, Entropy, Log, LogFields } from "../telemetry/index.ts";
import { GatewayError, isRecord } from "../telemetry/index.ts";

export const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    let timer: NodeJS.Timeout;
    // Node runs a timer of more than 2^31 ms at once, so that a long wait is made of several.
    const wait = (left: number): void => {
      if (left <= longestTimer) timer = setTimeout(run, left);
      else timer = setTimeout(() => wait(left - longestTimer), longestTimer);
    };
    // Node warns of a time that has passed since it was worked out.
    wait(Math.max(0, ms));
    return { cancel: () => clearTimeout(timer) };
  },
  precisely(ms, run) {
    const end = performance.now() + ms;
    let turn: NodeJS.Immediate | undefined;
    const look = (): void => {
      if (performance.now() >= end) run();
      else turn = setImmediate(look);
    };
    const whole = Math.floor(ms - timerLateness);
    const timer = whole < 1 ? undefined : setTimeout(look, whole);
    if (timer === undefined) turn = setImmediate(look);
    return {
      cancel() {
        clearTimeout(timer);
        clearImmediate(turn);
      },
    };
  },
};

/** A timer of whole ms comes so much late while the machine has time. @unit ms */
const timerLateness = 0.3;

/** @unit ms */
const longestTimer = 2 ** 31 - 1;

/** Messages a second under which a young generation of 1 MiB costs less than it saves. */
const busy = 100;

/**
 * Lets V8's young generation grow once there is load, which the executable does not by itself
 * (`tools/build.ts`): under a hub's load each batch would be copied several times before it is
 * written. Where thousands only connect it would grow too, and never shrink.
 * @param received messages since the start
 */
export function growWithLoad(received: () => number): Disposable {
  let before = received();
  const timer = setInterval(() => {
    const now = received();
    if (now - before >= busy) {
      setFlagsFromString("--semi-space-growth-factor=2");
      clearInterval(timer);
    }
    before = now;
  }, 1000);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

export const entropy: Entropy = {
  id: () => randomBytes(8).toString("hex"),
  random: () => Math.random(),
};

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** JSON lines on standard error; on a terminal, lines for people. */
export function openLog(level: LogLevel): Log {
  const terminal = process.stderr.isTTY;
  const stream = {
    write: (line: string): void => void process.stderr.write(terminal ? humanLine(line) : line),
  };
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: ["password", "token", "secret"],
    },
    stream,
  );
  const at = (name: LogLevel) => (event: string, fields?: LogFields) =>
    log[name](fields ?? {}, event);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function humanLine(line: string): string {
  const entry: unknown = JSON.parse(line);
  if (!isRecord(entry)) return line;
  const { level, time, msg, ...rest } = entry;
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${String(value)}`);
  const colour = level === "error" ? "red" : level === "warn" ? "yellow" : "gray";
  const head = `${String(time).slice(11, 19)} ${styleText(colour, String(level))} ${String(msg)}`;
  return `${head}${fields.length > 0 ? ` ${styleText("dim", fields.join(" "))}` : ""}\n`;
}

/** Resident memory and the 99th percentile of event-loop delay since the last call. */
export function openVitals(): () => { readonly rss: number; readonly loopDelay: number } {
  const histogram = monitorEventLoopDelay({ resolution: 10 });
  histogram.enable();
  return () => {
    const loopDelay = Math.max(0, histogram.percentile(99) / 1e6 - 10);
    histogram.reset();
    return {
      rss: process.memoryUsage.rss(),
      loopDelay: Number.isFinite(loopDelay) ? loopDelay : 0,
    };
  };
}

/**
 * Holds a folder for this process alone until it ends, however it ends: the kernel frees an
 * abstract socket with the process. Elsewhere than on Linux there is no such lock.
 * @throws E_SPOOL_LOCKED
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  if (process.platform !== "linux") return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const path = await realPath(resolve(folder));
  const name = createHash("sha256").update(path).digest("hex").slice(0, 32);
  const server = createServer();
  await new Promise<void>((done, refused) => {
    server.once("error", (cause) => {
      const why = `${folder} is in use already; each agent and each hub has a folder of its own`;
      refused(new GatewayError("E_SPOOL_LOCKED", why, { cause }));
    });
    server.listen(`\0rackstreet-${name}`, done);
  });
  server.unref();
  return {
    [Symbol.asyncDispose]: () => new Promise((done) => void server.close(() => done())),
  };
}

/** One name for a folder, whichever links lead to it; also where its end does not exist yet. */
async function realPath(path: string): Promise<string> {
  const there = await realpath(path).catch(() => undefined);
  if (there !== undefined || dirname(path) === path) return there ?? path;
  return join(await realPath(dirname(path)), basename(path));
}
