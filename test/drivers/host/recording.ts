/**
 * Recordings of a machine's /proc and /sys, as text: what
 *
 *   ls -l /sys/class/hwmon/hwmon0/device; tail -n +1 /proc/stat /proc/meminfo … /sys/class/…
 *
 * prints, errors included. Text, because a checkout on Windows cannot hold a file `intel-rapl:0`.
 */
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A folder that stands for `/` of a recorded machine; gone when disposed. */
export class RecordedRoot implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<RecordedRoot> {
    const path = await mkdtemp(join(tmpdir(), "rackstreet-host-"));
    // Readable for the user that `asOrdinaryUser` becomes.
    await chmod(path, 0o755);
    return new RecordedRoot(path);
  }

  /** Lays a recording over what is there: files, symbolic links, files that may not be read. */
  async apply(recording: string): Promise<void> {
    const [listing = "", ...parts] = recording.split(/^==> (.+) <==\n/m);
    for (const [, path = "", target = ""] of listing.matchAll(/^l.* (\/\S+) -> (\S+)$/gm)) {
      await symlink(target, await this.#place(path));
    }
    for (const [, path = ""] of listing.matchAll(/^tail: cannot open '(.+)' for reading: Perm/gm)) {
      await writeFile(await this.#place(path), "1\n", { mode: 0o000 });
    }
    for (let index = 0; index < parts.length; index += 2) {
      const content = (parts[index + 1] ?? "").replace(/\n\n$/, "\n");
      await writeFile(await this.#place(parts[index] ?? ""), content);
    }
  }

  /**
   * A program that answers as smartctl did when `DISK.json` in a folder were recorded, and notes
   * how it was called (`smartctl.calls`). @returns its path
   */
  async smartctl(recordings: string): Promise<string> {
    const program = join(this.path, "smartctl");
    const script = `#!/bin/sh
echo "$*" >> "${join(this.path, "smartctl.calls")}"
for disk; do :; done
recording="${recordings}/\${disk#/dev/}.json"
cat "$recording" || exit 2
exit "$(sed -n 's/.*"exit_status": *\\([0-9]*\\).*/\\1/p' "$recording")"
`;
    await writeFile(program, script, { mode: 0o755 });
    await writeFile(join(this.path, "smartctl.calls"), "", { mode: 0o666 });
    return program;
  }

  async #place(path: string): Promise<string> {
    const place = join(this.path, path);
    await mkdir(dirname(place), { recursive: true });
    return place;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}

/** Root may read everything, so a test that runs as root steps down for the moment. */
export async function asOrdinaryUser<T>(run: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return run();
  process.seteuid?.("nobody");
  try {
    return await run();
  } finally {
    process.seteuid?.(0);
  }
}
