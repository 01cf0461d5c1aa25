/**
 * The Node that goes into the binary: exactly the version that package.json pins, from the npm
 * registry, without its symbols. For this machine's kind it is already in node_modules; for
 * another it is fetched and held against the lock file's checksum.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

export type Arch = "x64" | "arm64";

interface Target {
  readonly strip: string;
  /** Debian package that has the strip program. */
  readonly stripPackage: string;
  /** Prebuilt serial addon inside @serialport/bindings-cpp. */
  readonly addon: string;
}

const prebuilds = "node_modules/@serialport/bindings-cpp/prebuilds";

export const targets: Readonly<Record<Arch, Target>> = {
  x64: {
    strip: "strip",
    stripPackage: "binutils",
    addon: `${prebuilds}/linux-x64/@serialport+bindings-cpp.glibc.node`,
  },
  arm64: {
    strip: "aarch64-linux-gnu-strip",
    stripPackage: "binutils-aarch64-linux-gnu",
    addon: `${prebuilds}/linux-arm64/@serialport+bindings-cpp.armv8.glibc.node`,
  },
};

/** Puts the runtime for `arch` at `path`, ready for injection; returns what is worth knowing. */
export function placeRuntime(root: string, arch: Arch, path: string): string[] {
  const installed = join(root, "node_modules", `node-linux-${arch}`, "bin/node");
  copyFileSync(existsSync(installed) ? installed : fetchRuntime(root, arch, `${path}.fetch`), path);
  return strip(arch, path);
}

/** Before injection only: stripping afterwards cuts the injected note off (exit 139). */
function strip(arch: Arch, path: string): string[] {
  const { strip: command, stripPackage } = targets[arch];
  const ran = spawnSync(command, ["--strip-all", path], { encoding: "utf8" });
  if (ran.status === 0) return [];
  const why = ran.error === undefined ? ran.stderr.trim() : `${command} is not installed`;
  return [`not stripped, so about 18 MB larger (${why}: apt-get install ${stripPackage})`];
}

function fetchRuntime(root: string, arch: Arch, folder: string): string {
  const { version, integrity } = locked(root, `node_modules/node-linux-${arch}`);
  mkdirSync(folder, { recursive: true });
  const spec = `node-linux-${arch}@${version}`;
  execFileSync("npm", ["pack", "--silent", spec], { cwd: folder, stdio: "pipe" });
  const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
  const digest = createHash("sha512").update(readFileSync(tarball)).digest("base64");
  if (`sha512-${digest}` !== integrity) {
    throw new Error(`${spec}: the registry's file is not the one in package-lock.json`);
  }
  execFileSync("tar", ["-xzf", tarball, "-C", folder, "package/bin/node"]);
  return join(folder, "package/bin/node");
}

interface Locked {
  readonly version: string;
  readonly integrity: string;
}

function locked(root: string, name: string): Locked {
  const lock: unknown = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const entry = at(at(lock, "packages"), name);
  const version = at(entry, "version");
  const integrity = at(entry, "integrity");
  if (typeof version === "string" && typeof integrity === "string") return { version, integrity };
  throw new Error(`package-lock.json does not pin ${name}`);
}

function at(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
