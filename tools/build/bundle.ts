/**
 * The bundles inside the binary: the program itself and the database's worker, each one CommonJS
 * file for Node 24. CommonJS, because a single executable of Node 24 starts nothing else.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/** Minified code in lines of this length: an error prints one of them, not the whole file. */
const lineLimit = 200;

/** Where `import.meta.url` of the sources leads inside a CommonJS bundle. */
const metaUrl = 'const __metaUrl=require("node:url").pathToFileURL(__filename).href;';

export interface Bundle {
  /** The source file that starts. */
  readonly entry: string;
  readonly outfile: string;
  /** What runs before all else. */
  readonly first?: string;
}

/** Writes one bundle; throws with esbuild's own messages when the sources do not hold together. */
export async function bundle(root: string, { entry, outfile, first = "" }: Bundle): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    // Names stay as they are: `keepNames` would pay for them at each making of a function.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit,
    legalComments: "none",
    logLevel: "warning",
    banner: { js: `${first}${metaUrl}` },
    define: { "import.meta.url": "__metaUrl", ...identity(root) },
    alias: { "node-gyp-build": join(import.meta.dirname, "native-shim.cjs") },
  });
}

/** What `--version` prints: the package's version, and the commit where there is one. */
function identity(root: string): Record<string, string> {
  const manifest: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest
      ? String(manifest.version)
      : "0.0.0";
  return {
    RACKSTREET_VERSION: JSON.stringify(version),
    RACKSTREET_COMMIT: JSON.stringify(commitOf(root)),
  };
}

function commitOf(root: string): string {
  try {
    return execFileSync("git", ["rev-parse", "--short=12", "HEAD"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "none";
  }
}
