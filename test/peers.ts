/**
 * Programs that tests need and nobody here wrote: present, or skipped with one clear line, or
 * (under CI=true) a failure.
 */
import { spawnSync } from "node:child_process";

/** True when `command` is on PATH; else says which Debian package has it. Throws under CI=true. */
export function needs(command: string, pkg: string): boolean {
  return present("sh", ["-c", `command -v ${command}`]) || missing(command, pkg);
}

/** The same for a module of Debian's Python, which another python on PATH may not have. */
export function needsPython(module: string, pkg: string): boolean {
  return present("/usr/bin/python3", ["-c", `import ${module}`]) || missing(module, pkg);
}

/** The same for a shared library, as Debian's Python loads it. */
export function needsLibrary(library: string, pkg: string): boolean {
  const load = `import ctypes; ctypes.CDLL(${JSON.stringify(library)})`;
  return present("/usr/bin/python3", ["-c", load]) || missing(library, pkg);
}

/** The same for a package of PyPI, which `.ci/run` puts on PYTHONPATH. */
export function needsPip(module: string, version: string, pkg = module): boolean {
  if (present("/usr/bin/python3", ["-c", `import ${module}`])) return true;
  return missing(module, `python3-pip, then pip install ${pkg}==${version}`);
}

/**
 * Whether a program in Go is on PATH that `.ci/run` does not build, as that takes minutes: the one
 * kind of test that is left out there.
 */
export function hasGo(command: string, program: string): boolean {
  if (present("sh", ["-c", `command -v ${command}`])) return true;
  console.warn(`skipped: ${command} is not on PATH: go install ${program}, and name it so`);
  return false;
}

function present(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args).status === 0;
}

function missing(what: string, pkg: string): false {
  const line = `${what} is not installed: apt-get install ${pkg}`;
  if (process.env["CI"] === "true") throw new Error(line);
  console.warn(`skipped: ${line}`);
  return false;
}
