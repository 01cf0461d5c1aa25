/** `rackstreet catalog export`: the topics that a client may hear and write, and their payloads. */
import { v } from "../../config/index.ts";
import { version } from "../assets.ts";
import { brokerOptions, brokerTarget } from "../ask-broker.ts";
import { askHub } from "../ask-hub.ts";
import { asyncApiOf, catalogEntries } from "../asyncapi.ts";
import type { CatalogEntry } from "../asyncapi.ts";
import { configOption, defineCommand, openPlatform, print, printJson } from "../command.ts";
import { siteOf } from "../run-agent.ts";

export const catalogExportCommand = defineCommand({
  command: "export",
  describe: "Write what a client may hear and write: an AsyncAPI document, or plain JSON",
  builder: (yargs) =>
    yargs
      .option("config", configOption)
      .options(brokerOptions)
      .option("format", {
        type: "string",
        default: "asyncapi",
        choices: ["asyncapi", "json"] as const,
        describe: "asyncapi: version 3.0; json: the devices with their meta, an array.",
      })
      .option("filter", { type: "string", describe: "Topic filter; default: all that it reads." })
      .example(
        "$0 catalog export -c hub.yaml --username city --password-from '${CITY}' > city.json",
        "for one user",
      )
      .example("$0 catalog export -c hub.yaml --filter 'rackstreet/v1/+/+/+/power/#'", ""),
  handler: async ({ config, format, filter, url, username, passwordFrom }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    const given = { url, username, passwordFrom };
    const entries: CatalogEntry[] = [];
    await askHub(
      given,
      { loaded, platform },
      {
        do: "catalog",
        args: filter === undefined ? {} : { filter },
        take: (part) => void entries.push(...v.parse(catalogEntries, part)),
      },
    );
    entries.sort((a, b) => (a.topic < b.topic ? -1 : 1));
    if (format === "json") return printJson(entries);
    const document = asyncApiOf({
      entries,
      site: siteOf(loaded),
      hub: loaded.config.hub.id,
      url: brokerTarget(given, loaded).url,
      secured: username !== undefined,
      version,
    });
    print(JSON.stringify(document, undefined, 2));
  },
});
