/**
 * `rackstreet store retry CONFIG`: writes what the hub set aside again, after the schema, the
 * limit or the retention that refused it was put right. What is refused again stays.
 */
import { basename, dirname, join, resolve } from "node:path";
import type { RetryCounts } from "../../store/index.ts";
import { asideFile, openStore, retryAside } from "../../store/index.ts";
import { sqliteWorker } from "../assets.ts";
import { configArgument, defineCommand, durationArgument, jsonOption } from "../command.ts";
import { openPlatform, print, printJson } from "../command.ts";
import { exitCodes } from "../exit.ts";
import { shareFolder } from "../folder.ts";
import { lockFolder } from "../platform.ts";
import { renderTable } from "../table.ts";

export const retryCommand = defineCommand({
  command: "retry <config>",
  describe: "Write what was set aside again",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("file", {
        type: "string",
        describe: "A file of what was set aside; default: the hub's, and the one before it.",
      })
      .option("since", { type: "string", describe: "Only what was set aside since: 5m, 7d." })
      .option("reason", { type: "string", describe: "Only reasons that hold this text." })
      .option("dry-run", { type: "boolean", default: false, describe: "Only count." })
      .option("json", jsonOption)
      .example("$0 store retry site.yaml --dry-run", "how much there is")
      .example('$0 store retry site.yaml --reason "type conflict" --since 7d', ""),
  handler: async ({ config, file, since, reason, dryRun, json }) => {
    const { loaded, platform } = await openPlatform(config, "warn");
    const { hub, store: options } = loaded.config;
    const path = resolve(file ?? join(hub.data, asideFile));
    await using _alone = await lockFolder(`${path}.retried`);
    // The embedded file has one writer: the hub must rest meanwhile.
    await using _hub = options.engine === "sqlite" ? await lockFolder(hub.data) : undefined;
    await using store = await openStore(options, platform, { worker: sqliteWorker });
    const stop = new AbortController();
    const name = basename(path);
    const counts = await retryAside(
      {
        store,
        disk: await shareFolder(dirname(path)),
        files: file === undefined ? [`${name}.old`, name] : [name],
        since:
          since === undefined ? undefined : platform.clock.now() - durationArgument("since", since),
        reason,
        dryRun,
      },
      stop.signal,
    );
    if (json) printJson(counts);
    else print(shown(counts, dryRun));
    if (counts.refused > 0) process.exitCode = exitCodes.unavailable;
  },
});

function shown(counts: RetryCounts, dryRun: boolean): string {
  const rows = [
    [dryRun ? "would be written" : "written", counts.written],
    ["refused again", counts.refused],
    ["done before", counts.done],
    ["left out", counts.leftOut],
    ["without a line", counts.withoutLine],
  ] as const;
  const table = renderTable(
    ["entries", String(counts.entries)],
    rows.map(([name, count]) => [name, String(count)]),
  );
  const reasons = Object.entries(counts.reasons).map(([why, count]) => `  ${count} × ${why}`);
  return [table, ...reasons].join("\n");
}
