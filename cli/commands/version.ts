/** `rackstreet version`. */
import { commit, isBinary, version } from "../assets.ts";
import { defineCommand, jsonOption, print, printJson } from "../command.ts";

export const versionCommand = defineCommand({
  command: "version",
  describe: "Print version, commit and platform",
  builder: (yargs) => yargs.option("json", jsonOption).example("$0 version --json", "for machines"),
  handler: ({ json }) => {
    const platform = `${process.platform}-${process.arch}`;
    const facts = { version, commit, node: process.version, platform, binary: isBinary() };
    if (json) printJson(facts);
    else print(`rackstreet ${version} (${commit}), node ${process.version}, ${platform}`);
  },
});
