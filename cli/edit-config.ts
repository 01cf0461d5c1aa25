/** Changes a configuration file for a person: comments stay, and a mistake changes nothing. */
import { open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import type { Addition } from "../config/index.ts";
import { whyUnreadable, withAdditions } from "../config/index.ts";
import { GatewayError, systemCode } from "../telemetry/index.ts";
import { loadConfig } from "./config.ts";

/**
 * Adds to a file what is not there yet. The whole is checked as it will be before it takes the
 * file's place, with its owner's rights.
 * @throws E_CONFIG, E_CONFIG_UNREADABLE, E_OUTPUT
 */
export async function addToConfig(path: string, additions: readonly Addition[]): Promise<void> {
  const { file, source, mode } = await contentOf(path);
  const text = withAdditions(path, source, additions);
  // Beside it, so that profiles and other files are found as before.
  const temporary = `${file}.new`;
  const written = await open(temporary, "wx", mode).catch((cause: unknown) => {
    const there = systemCode(cause) === "EEXIST";
    const why = there ? "another change is under way; or one died: remove it" : undefined;
    throw new GatewayError("E_OUTPUT", `${temporary}: ${why ?? whyUnreadable(cause)}`, { cause });
  });
  try {
    try {
      await written.writeFile(text);
      await written.sync();
    } finally {
      await written.close();
    }
    await loadConfig(temporary);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function contentOf(
  path: string,
): Promise<{ readonly file: string; readonly source: string; readonly mode: number }> {
  try {
    const file = await realpath(path);
    const [source, { mode }] = await Promise.all([readFile(file, "utf8"), stat(file)]);
    return { file, source, mode: mode & 0o777 };
  } catch (cause) {
    throw new GatewayError("E_CONFIG_UNREADABLE", `${path}: ${whyUnreadable(cause)}`, { cause });
  }
}
