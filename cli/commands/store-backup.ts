/** `rackstreet store backup FILE`: a copy of the embedded store, also while a hub writes to it. */
import { backUpStore } from "../../store/index.ts";
import { sqliteWorker } from "../assets.ts";
import { configOption, defineCommand, jsonOption, openPlatform, print } from "../command.ts";
import { printJson } from "../command.ts";

const mebibyte = 1024 ** 2;

export const storeBackupCommand = defineCommand({
  command: "backup <file>",
  describe: "Copy the embedded store into a file, also while a hub writes to it",
  builder: (yargs) =>
    yargs
      .positional("file", {
        type: "string",
        demandOption: true,
        describe: "Replaced when it is there, once the copy is whole and checked.",
      })
      .option("config", configOption)
      .option("json", jsonOption)
      .example("$0 store backup /backup/store.sqlite -c site.yaml", "the whole store, checked")
      .example("$0 store backup store-$(date +%F).sqlite -c site.yaml", "one a day")
      .epilogue(
        "The copy holds what was stored when the command began. To restore it: stop the hub, " +
          "copy the file to store.path, remove the files that are called like it with -wal and " +
          "-shm at their end, start the hub.",
      ),
  handler: async ({ file, config, json }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    const start = platform.clock.monotonic();
    const how = { target: file, log: platform.log, onProgress: progressTo(process.stderr) };
    const bytes = await backUpStore(loaded.config.store, how, { worker: sqliteWorker });
    const seconds = (platform.clock.monotonic() - start) / 1000;
    if (json) printJson({ file, bytes, seconds });
    else print(`${file}: ${(bytes / mebibyte).toFixed(1)} MiB in ${seconds.toFixed(1)} s, checked`);
  },
});

/** Shows a person how far it is. */
function progressTo(stream: NodeJS.WriteStream): (part: number) => void {
  return (part) => {
    if (stream.isTTY) stream.write(`\r${Math.floor(part * 100)} %${part >= 1 ? "\r\u001b[K" : ""}`);
  };
}
