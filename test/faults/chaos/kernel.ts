/**
 * What only the kernel can do, and only for root: a machine of its own on the network (a namespace
 * and a wire to it that can be pulled), and a small disk that can be filled to its last byte.
 */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemCode } from "../../../telemetry/index.ts";

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr?.toString() ?? "?"}`);
}

/** Whether namespaces and mounts are to be had; where not, one line says so. */
export function mayUseKernel(): boolean {
  const has = (command: string): boolean =>
    spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
  const may = process.getuid?.() === 0 && has("ip") && has("mount");
  if (!may) console.warn("skipped: pulled wires and full disks take root, `ip` and `mount`");
  return may;
}

/** A machine of its own; its wire leads to `address` here. */
export class Namespace implements Disposable {
  readonly address: string;
  readonly #name: string;

  private constructor(name: string, address: string) {
    this.#name = name;
    this.address = address;
  }

  static open(): Namespace {
    const name = `rk${process.pid}`;
    // Of the range for private networks; one /30 a process.
    const network = `10.213.${process.pid % 250}`;
    const namespace = new Namespace(name, `${network}.1`);
    try {
      run("ip", "netns", "add", name);
      run(
        "ip",
        "link",
        "add",
        `${name}a`,
        "type",
        "veth",
        "peer",
        "name",
        `${name}b`,
        "netns",
        name,
      );
      run("ip", "addr", "add", `${network}.1/30`, "dev", `${name}a`);
      run("ip", "link", "set", `${name}a`, "up");
      run("ip", "-n", name, "addr", "add", `${network}.2/30`, "dev", `${name}b`);
      run("ip", "-n", name, "link", "set", `${name}b`, "up");
    } catch (error) {
      namespace[Symbol.dispose]();
      throw error;
    }
    return namespace;
  }

  /** A command that runs there; it stays one process. */
  command(program: string): [string, ...string[]] {
    return ["ip", "netns", "exec", this.#name, program];
  }

  /** Pulls the wire: nothing arrives, and nobody is told. */
  pull(): void {
    run("ip", "link", "set", `${this.#name}a`, "down");
  }

  plug(): void {
    run("ip", "link", "set", `${this.#name}a`, "up");
  }

  [Symbol.dispose](): void {
    spawnSync("ip", ["link", "del", `${this.#name}a`]);
    spawnSync("ip", ["netns", "del", this.#name]);
  }
}

/** A disk in memory of a few MiB. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async mount(mebibytes: number): Promise<SmallDisk> {
    const path = await mkdtemp(join(tmpdir(), "rackstreet-disk-"));
    run("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path);
    return new SmallDisk(path);
  }

  /** Leaves no byte. */
  fill(): void {
    const file = openSync(join(this.path, "filler"), "w");
    try {
      // Pieces that no longer fit are halved.
      for (let size = 1024 * 1024; size >= 1;) {
        if (written(file, size) < size) size = Math.floor(size / 2);
      }
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(join(this.path, "filler"), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    spawnSync("umount", ["-l", this.path]);
    await rm(this.path, { recursive: true, force: true });
  }
}

function written(file: number, size: number): number {
  try {
    return writeSync(file, Buffer.alloc(size));
  } catch (error) {
    if (systemCode(error) !== "ENOSPC") throw error;
    return 0;
  }
}
