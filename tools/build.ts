/**
 * `npm run build [-- --arch arm64]`: one executable file, `dist/rackstreet`, from the sources and
 * the Node that package.json pins. Works offline after `npm ci` (arm64 fetches its runtime).
 * How and why: docs/decisions/0001-single-executable.md.
 *
 *   sources ─ esbuild ─► main.cjs + workers ─ node --experimental-sea-config ─► blob
 *   node ─ strip ─► copy ─ postject(blob) ─► dist/rackstreet
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { bundle } from "./build/bundle.ts";
import type { Arch } from "./build/runtime.ts";
import { placeRuntime, targets } from "./build/runtime.ts";

export interface BuildOptions {
  /** The source file that starts. Default: cli/main.ts */
  readonly entry?: string;
  /** Where the executable goes. Default: dist/rackstreet */
  readonly out?: string;
  readonly arch?: Arch;
}

export interface Built {
  readonly path: string;
  /** @unit bytes */
  readonly size: number;
  /** What a person should know, one sentence each. */
  readonly notes: readonly string[];
}

const root = resolve(import.meta.dirname, "..");

/** The runtime looks for the program under this mark [Node.js single executable applications]. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/**
 * Set inside the executable, where no command line can be given: how far the young generation
 * may grow where it does, no debugger by signal, no warning about mqtt's url.parse. With
 * protection keys V8 of Node 24 ends the process now and then while worker threads compile ("Check
 * failed: jit_page.has_value()").
 */
const execArgv = [
  "--max-semi-space-size=16",
  "--disable-sigusr1",
  "--disable-warning=DEP0169",
  "--no-memory-protection-keys",
] as const;

/**
 * The young generation stays at 1 MiB: the cheapest memory saving measured. A hub lets it grow. As
 * an option V8 takes no notice of it.
 */
const keepYoungSmall = 'require("node:v8").setFlagsFromString("--semi-space-growth-factor=1");';

/** The sources that threads start with, by the name that `cli/assets.ts` knows each by. */
const workers = {
  sqlite: "store/sqlite/worker.ts",
  keeper: "broker/keep/worker.ts",
} as const;

/** Builds the executable; replaces the old one in one step, so that nobody runs half a file. */
export async function build(options: BuildOptions = {}): Promise<Built> {
  const { entry = "cli/main.ts", arch = hostArch() } = options;
  const out = resolve(root, options.out ?? "dist/rackstreet");
  if (!existsSync(resolve(root, entry))) throw new Error(`${entry} does not exist yet`);
  mkdirSync(resolve(out, ".."), { recursive: true });
  const work = mkdtempSync(`${out}.build-`);
  try {
    const blob = await makeBlob(work, entry, arch);
    const file = join(work, "executable");
    const notes = placeRuntime(root, arch, file);
    inject(file, blob);
    chmodSync(file, 0o755);
    renameSync(file, out);
    return { path: out, size: statSync(out).size, notes };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function makeBlob(work: string, entry: string, arch: Arch): Promise<string> {
  const main = join(work, "main.cjs");
  const blob = join(work, "blob");
  const assets: Record<string, string> = { "serialport.node": resolve(root, targets[arch].addon) };
  await bundle(root, { entry, outfile: main, first: keepYoungSmall });
  for (const [name, entry] of Object.entries(workers)) {
    const outfile = join(work, `${name}-worker.js`);
    await bundle(root, { entry, outfile });
    assets[`${name}-worker.js`] = outfile;
  }
  const config = {
    main,
    output: blob,
    assets,
    disableExperimentalSEAWarning: true,
    // A cache made on one kind of CPU is refused, with a warning, on another.
    useCodeCache: arch === hostArch(),
    execArgv,
    // NODE_OPTIONS of whoever starts the service must not steer it.
    execArgvExtension: "none",
  };
  const configFile = join(work, "sea.json");
  writeFileSync(configFile, JSON.stringify(config));
  execFileSync(process.execPath, [...execArgv, "--experimental-sea-config", configFile], {
    stdio: "pipe",
  });
  return blob;
}

function inject(file: string, blob: string): void {
  const postject = join(root, "node_modules/postject/dist/cli.js");
  const resource = [file, "NODE_SEA_BLOB", blob, "--sentinel-fuse", fuse];
  // Its warnings about section names it cannot read are harmless, so they stay in the pipe.
  execFileSync(process.execPath, [postject, ...resource], { stdio: "pipe" });
}

function hostArch(): Arch {
  const { arch } = process;
  if (arch === "x64" || arch === "arm64") return arch;
  throw new Error(`no executable is built on ${arch}; use x64 or arm64`);
}

function archOf(name: string): Arch {
  if (name === "x64" || name === "arm64") return name;
  throw new Error(`--arch ${name}: use x64 or arm64`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arch: { type: "string", default: hostArch() },
      entry: { type: "string", default: "cli/main.ts" },
      out: { type: "string" },
    },
  });
  const arch = archOf(values.arch);
  const name = arch === hostArch() ? "dist/rackstreet" : `dist/rackstreet-${arch}`;
  const built = await build({ arch, entry: values.entry, out: values.out ?? name });
  console.log(`${built.path} (${(built.size / 1e6).toFixed(1)} MB)`);
  for (const note of built.notes) console.log(`note: ${note}`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
