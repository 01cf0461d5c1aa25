/**
 * What is mounted, from /proc/self/mountinfo [PROC 5]: real file systems, each once. One that is
 * mounted at several places (bind mounts, containers) is told at the place with the shortest path,
 * as df does.
 */

export interface Mount {
  /** Value of the tag `mount`. */
  readonly path: string;
  /** It may hang: its server, or the program behind it, may be gone. */
  readonly remote: boolean;
}

/** Kept on a disk of this machine. */
const local = new RegExp(
  "^(ext[234]|xfs|btrfs|f2fs|zfs|jfs|reiserfs|bcachefs|nilfs2|ubifs|jffs2|vfat|exfat|ntfs3)$",
);

/** Always full; or looking at it would mount something. */
const never = /^(squashfs|iso9660|udf|erofs|autofs)$/;

interface Line {
  readonly path: string;
  readonly type: string;
  /** Equal for one file system at several places. */
  readonly identity: string;
}

/** The mounts of a mountinfo; undefined when it is none. */
export function parseMounts(text: string, which: "local" | "all"): readonly Mount[] | undefined {
  const lines = text.split("\n").flatMap((line) => parseLine(line) ?? []);
  if (lines.length === 0) return undefined;
  // What was mounted later at the same place hides what was there.
  const visible = new Map(lines.map((line) => [line.path, line]));
  const shortest = new Map<string, Line>();
  for (const line of visible.values()) {
    if (never.test(line.type) || (which === "local" && !isLocal(line))) continue;
    const other = shortest.get(line.identity);
    if (other === undefined || line.path.length < other.path.length) {
      shortest.set(line.identity, line);
    }
  }
  return [...shortest.values()]
    .map((line) => ({ path: line.path, remote: !isLocal(line) }))
    .toSorted((a, b) => Number(a.remote) - Number(b.remote) || (a.path < b.path ? -1 : 1));
}

/** A container's own root is an overlay, and all it has; a host's overlays are its containers'. */
function isLocal({ path, type }: Line): boolean {
  return local.test(type) || (type === "overlay" && path === "/");
}

/** `36 35 98:0 /of /at rw,noatime master:1 - ext3 /dev/root rw`; blanks in names are octal. */
function parseLine(line: string): Line | undefined {
  const [, device = "", path = "", type = "", source = ""] =
    /^\d+ \d+ (\d+:\d+) \S+ (\/\S*) \S+ (?:\S+ )*?- (\S+) (\S+) /.exec(line) ?? [];
  if (path === "") return undefined;
  // Subvolumes of one btrfs have devices of their own.
  const identity = source.startsWith("/dev/") ? source : `${device} ${source}`;
  return { path: plain(path), type, identity };
}

function plain(name: string): string {
  const bytes = name.replaceAll(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  // The file was read byte by byte.
  return Buffer.from(bytes, "latin1").toString("utf8");
}
