/**
 * The built executable, for tests that start it. Built once and again only when a source changed:
 * the checksum of everything that goes into it stands beside it. Not a global setup, so that a
 * run which never starts the executable never waits for it (about four seconds).
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../tools/build.ts";
import { filesBelow, productRooms, root } from "../house/tree.ts";

const path = join(root, "dist/rackstreet");
const stamp = `${path}.sources`;

/** Path of an executable made from the sources as they are now. Two callers at once do no harm. */
export async function builtBinary(): Promise<string> {
  const wanted = sourcesDigest();
  if (existsSync(path) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return path;
  await build();
  writeFileSync(stamp, wanted);
  return path;
}

function sourcesDigest(): string {
  const code = [...productRooms, "tools/build"].flatMap((folder) => filesBelow(folder, ".ts"));
  const rest = ["tools/build.ts", "tools/build/native-shim.cjs", "package-lock.json"];
  const digest = createHash("sha256");
  for (const file of [...code, ...rest]) {
    digest.update(`${file}\0`).update(readFileSync(join(root, file)));
  }
  return digest.digest("hex");
}
