/** What the spool commands share: where the spool is, progress, how sizes look. */
import { realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseSegmentName } from "../../agent/index.ts";
import type { Disk } from "../../telemetry/index.ts";
import { GatewayError, systemCode } from "../../telemetry/index.ts";
import { configOption } from "../command.ts";
import { loadConfig } from "../config.ts";
import { readFolder } from "../folder.ts";

export const spoolOptions = {
  config: configOption,
  folder: {
    type: "string",
    describe: "The agent's data folder or a copy of its spool; default: the configuration's.",
  },
} as const;

export interface FoundSpool {
  readonly path: string;
  /** What an agent may have locked: the folder above, by this path and by the real one. */
  readonly locks: readonly string[];
  /** Names the agent, where a configuration does. */
  readonly agent: string | undefined;
  /** Only to be read. */
  readonly disk: Disk;
}

/** The spool that the options name. @throws E_USAGE when there is none */
export async function findSpool(given: {
  readonly config: string;
  readonly folder: string | undefined;
}): Promise<FoundSpool> {
  const agent =
    given.folder === undefined ? (await loadConfig(given.config)).config.agent : undefined;
  const folder = given.folder ?? agent?.data ?? "";
  // The spool of a data folder first: a folder of that name in a spool is not ours.
  for (const path of [join(folder, "spool"), folder]) {
    if (await holdsSpool(path)) {
      const above = [dirname(resolve(path)), dirname(await realpath(path))];
      const locks = await Promise.all(above.map((one) => realpath(one)));
      return { path, locks: [...new Set(locks)], agent: agent?.id, disk: readFolder(path) };
    }
  }
  throw new GatewayError("E_USAGE", `there is no spool in ${folder}; --folder names another place`);
}

async function holdsSpool(path: string): Promise<boolean> {
  const names = await readFolder(path)
    .list()
    .catch((cause: unknown) => {
      const code = systemCode(cause instanceof GatewayError ? cause.cause : cause);
      if (code === "ENOENT" || code === "ENOTDIR") return [];
      throw cause;
    });
  return names.some(
    (name) => name.startsWith("checkpoint.json") || parseSegmentName(name) !== undefined,
  );
}

/** Shows how far long work is, on a terminal only. */
export class Progress implements Disposable {
  readonly #what: string;
  #shown = "";

  constructor(what: string) {
    this.#what = what;
  }

  show(done: number, all: number): void {
    const text = `${this.#what}: ${Math.floor((100 * done) / Math.max(1, all))} %`;
    if (!process.stderr.isTTY || text === this.#shown) return;
    this.#shown = text;
    process.stderr.write(`\r${text}`);
  }

  [Symbol.dispose](): void {
    if (this.#shown !== "") process.stderr.write(`\r${" ".repeat(this.#shown.length)}\r`);
  }
}

const sizes = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `512 B`, `4.0 MiB`. */
export function shownSize(bytes: number): string {
  let scaled = bytes;
  let step = 0;
  while (scaled >= 1024 && step < sizes.length - 1) {
    scaled /= 1024;
    step += 1;
  }
  return `${step === 0 ? scaled : scaled.toFixed(1)} ${sizes[step] ?? ""}`;
}
