/**
 * A real redis-server of its own for a test, on a free port of 127.0.0.1. It never touches the
 * system's service; what it keeps is gone with its folder.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../ports.ts";
import { until } from "../until.ts";
import { endChild } from "./child.ts";

export interface Redisd extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it as a power cut would. */
  kill9(): Promise<void>;
  /** Starts it again on the same port, with what it kept. */
  restart(): Promise<void>;
  /** Loses what was kept, while it does not run. */
  forget(): Promise<void>;
  /** Lets it stand still, or go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** What it answers to one command, as text. */
  ask(...command: readonly string[]): Promise<string>;
}

/** Starts it and returns when it answers. @param more further arguments */
export async function startRedis(more: readonly string[] = []): Promise<Redisd> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-redis-"));
  const port = await freePort();
  const password = more[more.indexOf("--requirepass") + 1];
  const where = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder];
  const durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"];
  const args = [...where, ...durable, ...more];
  const ask = (...command: readonly string[]): Promise<string> =>
    converse(port, more.includes("--requirepass") ? password : undefined, command);
  let child = await launch(args, ask);
  const end = (): Promise<void> => endChild(child, "SIGKILL");
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0;
    },
    kill9: end,
    async restart() {
      await end();
      child = await launch(args, ask);
    },
    forget: () => rm(join(folder, "appendonlydir"), { recursive: true, force: true }),
    signal: (signal) => void child.kill(signal),
    ask,
    async [Symbol.asyncDispose]() {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(
  args: readonly string[],
  ask: (...command: readonly string[]) => Promise<string>,
): Promise<ChildProcess> {
  const child = spawn("redis-server", args, { stdio: "ignore" });
  const answers = (): Promise<boolean> =>
    ask("PING").then(
      (answer) => answer.includes("PONG"),
      () => false,
    );
  if (await until(answers, { timeout: 30_000, interval: 50 })) return child;
  child.kill("SIGKILL");
  throw new Error("redis-server does not answer");
}

/** Sends a command as RESP and gives all that comes until the answer is whole enough to show. */
async function converse(
  port: number,
  password: string | undefined,
  command: readonly string[],
): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    if (password !== undefined) socket.write(encoded(["AUTH", password]));
    socket.write(encoded(command));
    socket.end();
    let answer = "";
    for await (const chunk of socket) answer += String(chunk);
    return answer;
  } finally {
    socket.destroy();
  }
}

function encoded(words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join("")}`;
}
