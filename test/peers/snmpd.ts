/**
 * A real snmpd of its own for a test, on a free port of 127.0.0.1, which serves a walk beside its
 * own objects. It never touches the system's service and keeps nothing over the test.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endChild } from "./child.ts";

export interface Snmpd extends AsyncDisposable {
  readonly port: number;
  readonly address: string;
  /** Ends it as a power cut would. */
  kill9(): Promise<void>;
  /** Starts it again on the same port. @param fresh it has forgotten how often it booted */
  restart(fresh?: boolean): Promise<void>;
}

/** A UDP port that nobody has at this moment. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

const users = [
  "createUser plain",
  "createUser signed SHA-256 authpassword",
  "createUser sealed SHA authpassword AES privpassword",
  "createUser sealed512 SHA-512 authpassword AES privpassword",
  "createUser old MD5 authpassword DES privpassword",
  "rouser plain noauth",
  "rouser signed auth",
  "rouser sealed priv",
  "rouser sealed512 priv",
  "rouser old priv",
];

/** @param walk file to serve below its root; @param root of what it serves */
export async function startSnmpd(walk: string, root: string): Promise<Snmpd> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-snmpd-"));
  const port = await freeUdpPort();
  const config = join(folder, "snmpd.conf");
  const pass = join(import.meta.dirname, "snmp_pass.py");
  const lines = [
    `agentaddress udp:127.0.0.1:${port}`,
    "rocommunity public",
    ...users,
    `pass_persist .${root} /usr/bin/python3 ${pass} ${walk}`,
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  let child = await launch(config, folder);
  const end = (): Promise<void> => endChild(child, "SIGKILL");
  return {
    port,
    address: `udp://127.0.0.1:${port}`,
    kill9: end,
    async restart(fresh = false) {
      await end();
      if (fresh) await rm(join(folder, "state"), { recursive: true, force: true });
      child = await launch(config, folder);
    },
    async [Symbol.asyncDispose]() {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(config: string, folder: string): Promise<ChildProcess> {
  const args = ["-f", "-Lo", "-C", "-c", config, "-I", "-smux", "-p", join(folder, "pid")];
  const env = { ...process.env, SNMP_PERSISTENT_DIR: join(folder, "state"), MIBS: "" };
  const child = spawn("snmpd", args, { stdio: ["ignore", "pipe", "pipe"], env });
  let said = "";
  const up = new Promise<void>((resolve, reject) => {
    const heard = (bytes: unknown): void => {
      said += String(bytes);
      if (said.includes("NET-SNMP version")) resolve();
    };
    child.stdout.on("data", heard);
    child.stderr.on("data", heard);
    child.once("exit", () => reject(new Error(`snmpd ended: ${said}`)));
  });
  await up;
  return child;
}
