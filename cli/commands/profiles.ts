/** `rackstreet profiles`: which products can be read by name. */
import { defineCommand, jsonOption, print, printJson } from "../command.ts";
import { loadLibrary, profileOf } from "../config.ts";
import { renderTable } from "../table.ts";

export const profilesCommand = defineCommand({
  command: "profiles [words..]",
  describe: "List device profiles",
  builder: (yargs) =>
    yargs
      .positional("words", {
        type: "string",
        array: true,
        default: [],
        describe: "Only those with all these words in vendor, model or class.",
      })
      .option("folder", { type: "string", describe: "A folder of your own, too." })
      .option("json", jsonOption)
      .example("$0 profiles eastron", "what there is from one maker"),
  handler: async ({ words, folder, json }) => {
    const library = await loadLibrary(folder);
    const found = [...library.keys()]
      .toSorted()
      .map((id) => profileOf(library, id))
      .filter(({ id, vendor, model, class: kind }) => {
        const text = `${id} ${vendor} ${model} ${kind}`.toLowerCase();
        return words.every((word) => text.includes(word.toLowerCase()));
      });
    if (json) {
      printJson(found.map(({ points: _points, header: _header, ...rest }) => rest));
      return;
    }
    if (found.length === 0) {
      print(`no profile has ${words.join(" and ")}; \`rackstreet profiles\` lists all`);
      return;
    }
    const rows = found.map(({ id, vendor, model, class: kind, driver, confidence }) => [
      id,
      vendor,
      model,
      kind,
      driver,
      confidence,
    ]);
    print(renderTable(["profile", "vendor", "model", "class", "driver", "confidence"], rows));
  },
});
