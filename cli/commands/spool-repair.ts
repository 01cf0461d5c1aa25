/** `rackstreet spool repair`: keeps what is good of a damaged spool, the rest beside it. */
import type { Deed } from "../../agent/index.ts";
import { repair } from "../../agent/index.ts";
import { defineCommand, jsonOption, print, printJson } from "../command.ts";
import { openFolder } from "../folder.ts";
import { entropy, lockFolder } from "../platform.ts";
import { counted } from "../values.ts";
import { findSpool, spoolOptions } from "./spool-folder.ts";

export const repairCommand = defineCommand({
  command: "repair",
  describe: "Keep the good records of damaged segments; only while the agent is stopped",
  builder: (yargs) =>
    yargs
      .options(spoolOptions)
      .option("dry-run", {
        type: "boolean",
        default: false,
        describe: "Say what would be done, and do nothing.",
      })
      .option("json", { ...jsonOption, describe: "Print a line of JSON for each deed." })
      .example("$0 spool repair -c site.yaml --dry-run", "look first"),
  handler: async ({ config, folder, dryRun: dry, json }) => {
    const { path, locks, agent, disk } = await findSpool({ config, folder });
    await using held = new AsyncDisposableStack();
    for (const lock of dry ? [] : locks) held.use(await lockFolder(lock));
    let deeds = 0;
    await repair({
      disk: dry ? disk : await openFolder(path),
      entropy,
      agent,
      dry,
      tell: (deed) => {
        deeds += 1;
        if (json) printJson({ ...deed, done: !dry });
        else print(`${dry ? "would: " : ""}${sentenceOf(deed)}`);
      },
    });
    if (deeds === 0 && !json) print(`${path}: nothing to repair`);
  },
});

function sentenceOf(deed: Deed): string {
  if (deed.what === "segment") {
    const { name, records, places, bytes, aside } = deed;
    const where = `${bytes} bytes in ${counted(places, "place")} to ${aside}`;
    return `${name}: keep ${counted(records, "record")}, set ${where}`;
  }
  const { was, stream, pending, lost } = deed;
  const waiting = `${counted(pending, "batch", "batches")} pending, ${lost} lost`;
  const how = was === "good" ? "bring up to date" : `${was}: begin stream ${stream}`;
  return `checkpoint.json: ${how}, ${waiting}`;
}
