/**
 * Space of the file systems (mounts.ts, statfs(2)), reckoned as df does: what is kept for root is
 * not there for others, so full is 100 % of what they can have.
 *
 * A network file system whose server is gone hangs whoever looks. Such are left out unless asked
 * for; then they are asked one after another, with `patience`, and the rest does not wait.
 *
 * Below another root the mounts of process 1 are read, as a container has its own.
 *
 * Limit: `maxMounts`; what is beyond, or has a path too long for a tag, is a fault, once.
 */
import type { Clock } from "../../telemetry/index.ts";
import { sleep } from "../../telemetry/index.ts";
import type { HostFiles, Space } from "./files.ts";
import { percent } from "./files.ts";
import type { Mount } from "./mounts.ts";
import { parseMounts } from "./mounts.ts";
import type { Row, Value } from "./row.ts";

const maxMounts = 128;
/** Longest value of a tag. @unit characters */
const longestPath = 64;
/** For what may hang. @unit ms */
const patience = 2000;

/** The part `filesystems` of a session. */
export class FilesystemsPart {
  readonly #files: HostFiles;
  readonly #clock: Clock;
  readonly #which: "local" | "all";
  readonly #mounts: string;

  constructor(files: HostFiles, clock: Clock, which: "local" | "all") {
    this.#files = files;
    this.#clock = clock;
    this.#which = which;
    this.#mounts = files.root === "/" ? "/proc/self/mountinfo" : "/proc/1/mountinfo";
  }

  async read(): Promise<Row[]> {
    const which = this.#which;
    const found = await this.#files.read(this.#mounts, (text) => parseMounts(text, which));
    const mounts = (found?.value ?? []).filter(({ path }) => this.#fits(path));
    if (mounts.length > maxMounts) {
      this.#files.trouble(`${this.#mounts} beyond ${maxMounts} mounts`);
    }
    const rows = await Promise.all(
      mounts.slice(0, maxMounts).map(async (mount): Promise<Row[]> => {
        const values = valuesOf(mount.path, await this.#space(mount));
        if (values === undefined) return [];
        return [{ measurement: "host_filesystem", channel: ["mount", mount.path], values }];
      }),
    );
    return rows.flat();
  }

  #fits(path: string): boolean {
    if (path.length <= longestPath && !/[\p{Cc}\u{FFFD}]/u.test(path)) return true;
    this.#files.trouble(path);
    return false;
  }

  async #space({ path, remote }: Mount): Promise<Space | undefined> {
    const space = this.#files.space(path, remote);
    if (!remote) return space;
    const answered = new AbortController();
    const waited = sleep(this.#clock, patience, answered.signal).then(() => "late" as const);
    const first = await Promise.race([space, waited]);
    answered.abort();
    return first === "late" ? this.#files.trouble(path) : first;
  }
}

function valuesOf(at: string, space: Space | undefined): Record<string, Value> | undefined {
  // Those of the kernel itself (proc, cgroup) have no blocks.
  if (space === undefined || !(space.blocks > 0)) return undefined;
  const used = space.blocks - space.free;
  const usable = used + space.available;
  const bytes = { used: used * space.block, size: space.blocks * space.block };
  if (used < 0 || !Number.isSafeInteger(bytes.size)) return undefined;
  const blocks = `blocks ${space.blocks} free ${space.free} available ${space.available}`;
  const value = (value: number, raw: string): Value => ({ value, at: `statfs ${at}`, raw });
  return {
    ...(usable > 0 && { used_pct: value(percent(used, usable), blocks) }),
    used_bytes: value(bytes.used, blocks),
    size_bytes: value(bytes.size, blocks),
    // File systems that make files as they need them have no number of them.
    ...(space.files > 0 &&
      space.filesFree <= space.files && {
        inodes_used_pct: value(
          percent(space.files - space.filesFree, space.files),
          `files ${space.files} free ${space.filesFree}`,
        ),
      }),
  };
}
