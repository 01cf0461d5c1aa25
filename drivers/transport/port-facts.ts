/** What the system knows of its serial ports that helps a person with one that does not open. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The files looked at; what cannot be read is not there. */
export interface PortFiles {
  /** Names in a folder. */
  list(folder: string): readonly string[];
  /** Content of a file, or empty. */
  read(path: string): string;
  /** The group that a file belongs to. */
  groupId(path: string): number | undefined;
}

export const systemFiles: PortFiles = {
  list: (folder) => orElse([], () => readdirSync(folder)),
  read: (path) => orElse("", () => readFileSync(path, "utf8")),
  groupId: (path) => orElse(undefined, () => statSync(path).gid),
};

function orElse<T>(other: T, look: () => T): T {
  try {
    return look();
  } catch {
    return other;
  }
}

/** The group that may use most ports, where nothing better is known. */
const usualGroup = "dialout";
const rootId = 0;

/** What to do about a port that this user may not open. */
export function permissionRemedy(path: string, files: PortFiles): string {
  const id = files.groupId(path);
  if (id === rootId) {
    const rule = `SUBSYSTEM=="tty", GROUP="${usualGroup}", MODE="0660"`;
    return `only root may use it: give it to a group by a udev rule, ${rule}`;
  }
  const row = files
    .read("/etc/group")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([, , gid]) => gid === String(id));
  const group = row?.[0] ?? usualGroup;
  return `run \`sudo usermod -aG ${group} $USER\` and log in again`;
}

const byId = "/dev/serial/by-id";
/** Ports that are there because something is plugged in or soldered on. */
const portNames = /^tty(USB|ACM|AMA|mxc|O|XRUSB)\d+$/;
/** Ports named in a message at most. */
const namedPorts = 6;

/** What to do about a port that is not there: what there is instead, the lasting names first. */
export function missingRemedy(files: PortFiles): string {
  const lasting = files.list(byId).map((name) => join(byId, name));
  const others = files
    .list("/dev")
    .filter((name) => portNames.test(name))
    .map((name) => `/dev/${name}`);
  const ports = [...lasting.toSorted(), ...others.toSorted()];
  const plug = `plug the adapter in, or name the port by its path under ${byId}`;
  if (ports.length === 0) return `${plug}; there is no serial adapter now`;
  const more = ports.length > namedPorts ? ` and ${ports.length - namedPorts} more` : "";
  return `${plug}; there are now: ${ports.slice(0, namedPorts).join(", ")}${more}`;
}
