/**
 * `rackstreet store init CONFIG`: makes the database, retention policies or buckets that the
 * configuration names. What is there already stays; --dry-run shows what would be sent.
 */
import type { Outcome } from "../../store/index.ts";
import { provisionOf } from "../../store/index.ts";
import { configArgument, defineCommand, jsonOption } from "../command.ts";
import { openPlatform, print, printJson } from "../command.ts";

/** A database that takes longer is given up. @unit ms */
const patience = 60_000;

export const initCommand = defineCommand({
  command: "init <config>",
  describe: "Make the database, retention policies or buckets that are missing",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("dry-run", {
        type: "boolean",
        default: false,
        describe: "Only show the statements and requests.",
      })
      .option("json", jsonOption)
      .example("$0 store init site.yaml", "make what is missing, set what differs")
      .example("$0 store init site.yaml --dry-run", "show what would be sent"),
  handler: async ({ config, dryRun, json }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    const signal = AbortSignal.timeout(patience);
    await using provision = await provisionOf(loaded.config.store, platform, signal);
    const done: { readonly sends: string; readonly outcome?: Outcome }[] = [];
    for (const step of provision.steps) {
      const { sends } = step;
      const entry = dryRun ? { sends } : { sends, outcome: await step.run(signal) };
      done.push(entry);
      if (!json) print(shown(entry));
    }
    if (json) return printJson({ store: provision.title, steps: done });
    if (done.length === 0) print(`${provision.title}: nothing to make`);
  },
});

function shown({ sends, outcome }: { readonly sends: string; readonly outcome?: Outcome }): string {
  return outcome === undefined ? sends : `${outcome.padEnd(9)} ${sends.split("\n").at(-1) ?? ""}`;
}
