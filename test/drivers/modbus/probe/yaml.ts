/** A profile's text as plain data, by way of a file, as the command line reads it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readYaml } from "../../../../config/index.ts";

export async function readYamlText(text: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "rackstreet-probe-"));
  try {
    const path = join(folder, "profile.yaml");
    writeFileSync(path, text);
    return (await readYaml(path)).data;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
