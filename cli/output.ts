/** Files that a command makes because it was asked for them. */
import { basename, dirname } from "node:path";
import { GatewayError, messageOf } from "../telemetry/index.ts";
import { shareFolder } from "./folder.ts";

/** Writes a file so that a crash leaves the old or the new one. @throws E_OUTPUT */
export async function writeOutput(path: string, text: string): Promise<void> {
  try {
    const folder = await shareFolder(dirname(path));
    await folder.replace(basename(path), Buffer.from(text));
  } catch (cause) {
    throw new GatewayError("E_OUTPUT", `${path}: ${messageOf(cause)}`, { cause });
  }
}
