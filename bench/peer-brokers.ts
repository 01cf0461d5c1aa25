/**
 * Our broker and Mosquitto with users and rights, each a process of its own, for benches of many
 * clients. Ours is `tenants-hub.ts` built as the executable is, with its flags, and stores nothing.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GatewayError } from "../telemetry/index.ts";
import { build } from "../tools/build.ts";
import type { Program } from "./processes.ts";
import { rounded, start, startMosquitto } from "./processes.ts";

export interface Broker extends Program {
  readonly port: number;
}

/** Somebody who may connect. */
export interface BenchUser {
  readonly user: string;
  readonly password: string;
  /** `region/org/site` that it publishes for; left out: it may hear all. */
  readonly site?: string;
}

/** Builds our broker; returns the path of the executable. */
export async function buildOurs(folder: string): Promise<string> {
  const out = join(folder, "broker");
  await build({ entry: "bench/tenants-hub.ts", out });
  return out;
}

/** Starts our broker; its users in clear, as random ones would be given. */
export async function startOurs(
  executable: string,
  folder: string,
  users: readonly BenchUser[],
): Promise<Broker> {
  const file = join(folder, "broker.json");
  const section = users.map(({ user, password, site }) => [
    user,
    site === undefined ? { password, role: "reader" } : { password, role: "agent", site },
  ]);
  await writeFile(file, JSON.stringify({ users: Object.fromEntries(section) }));
  const program = start(executable, [file]);
  return { ...program, port: Number(await program.line()) };
}

/** Starts Mosquitto with a file of passwords and one of rights. @throws E_TOOL_MISSING */
export async function startTheirs(folder: string, users: readonly BenchUser[]): Promise<Broker> {
  if (users.length === 0) return await startMosquitto(folder, { noDelay: true });
  const [passwords, rights] = [join(folder, "passwords"), join(folder, "rights")];
  await writeFile(passwords, users.map((one) => `${one.user}:${one.password}\n`).join(""));
  try {
    execFileSync("mosquitto_passwd", ["-U", passwords]);
  } catch (cause) {
    const why = "mosquitto_passwd did not run: apt-get install mosquitto";
    throw new GatewayError("E_TOOL_MISSING", why, { cause });
  }
  await writeFile(rights, users.map(rightsOf).join("\n"));
  // As another user it could not look into the folder.
  const asRoot = process.getuid?.() === 0 ? ["user root"] : [];
  const more = [
    ...asRoot,
    "allow_anonymous false",
    `password_file ${passwords}`,
    `acl_file ${rights}`,
  ];
  return await startMosquitto(folder, { noDelay: true, more });
}

function rightsOf({ user, site }: BenchUser): string {
  const right = site === undefined ? "read rackstreet/v1/#" : `write rackstreet/v1/${site}/#`;
  return `user ${user}\ntopic ${right}\n`;
}

/** @throws E_CONFIG when this process may not open so many files */
export function needFiles(count: number): void {
  const [, hard = ""] =
    /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  if (hard !== "" && Number(hard) < count) {
    const why = `at most ${hard} files may be open and ${count} are needed: ulimit -Hn ${count}`;
    throw new GatewayError("E_CONFIG", why);
  }
}

/** @unit MB (10^6 bytes) */
export interface Memory {
  readonly rss: number;
  /** Of that, its own pages; the rest is its file and libraries. */
  readonly own: number;
  /** Pages that others have too count in part. */
  readonly pss: number;
}

/** Memory of a process now. */
export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const shared = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return {
    rss: megabytes(status, "VmRSS"),
    own: megabytes(status, "RssAnon"),
    pss: megabytes(shared, "Pss"),
  };
}

function megabytes(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1];
  return rounded((Number(found) * 1024) / 1e6);
}
