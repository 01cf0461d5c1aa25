/** `rackstreet ask`: asks a hub over MQTT, as any client may, and prints the answer. */
import { isRecord } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { askHub } from "../ask-hub.ts";
import { brokerOptions } from "../ask-broker.ts";
import { configOption, defineCommand, openPlatform, printJson } from "../command.ts";

export const askCommand = defineCommand({
  command: "ask <request> [arguments]",
  describe: "Ask a hub something over MQTT and print the answer as lines of JSON",
  builder: (yargs) =>
    yargs
      .positional("request", { type: "string", demandOption: true, describe: "Its name." })
      .positional("arguments", { type: "string", default: "{}", describe: "A JSON object." })
      .option("config", configOption)
      .options(brokerOptions)
      .example("$0 ask latest -c hub.yaml", "the newest batch of each device")
      .example('$0 ask catalog \'{"filter":"rackstreet/v1/+/+/+/power/#"}\' -c hub.yaml', ""),
  handler: async ({ request, arguments: text, config, url, username, passwordFrom }) => {
    const args = argumentsOf(text);
    const { loaded, platform } = await openPlatform(config, "error");
    const given = { url, username, passwordFrom };
    await askHub(given, { loaded, platform }, { do: request, args, take: printJson });
  },
});

/** @throws E_USAGE */
function argumentsOf(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed) && !Array.isArray(parsed)) return parsed;
  } catch {
    // Said below.
  }
  throw new GatewayError("E_USAGE", "arguments: give a JSON object");
}
