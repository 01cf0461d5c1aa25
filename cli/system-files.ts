/** The files in which Linux shows its ports, and the user who asks, for `drivers/transport`. */
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import type { SystemFiles, SystemUser } from "../drivers/index.ts";

/** Longer files are not those of /sys that are meant here. @unit characters */
const longest = 64 * 1024;

export const systemFiles: SystemFiles = {
  async list(path) {
    const names = await readdir(path).catch(() => []);
    return names.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  },
  async text(path) {
    const text = await readFile(path, "utf8").catch(() => undefined);
    return text?.slice(0, longest).trim();
  },
  real: (path) => realpath(path).catch(() => undefined),
  async owner(path) {
    const file = await stat(path).catch(() => undefined);
    return file && { mode: file.mode & 0o777, user: file.uid, group: file.gid };
  },
};

/** Who runs this program. */
export function systemUser(): SystemUser {
  const { uid, username } = userInfo();
  return { name: username, id: uid, groups: process.getgroups?.() ?? [] };
}
