/** `rackstreet enroll URL`: at the edge, a key pair, and a certificate for it from the hub. */
import { enrolAgent } from "../../agent/index.ts";
import { address, addressText, Secret } from "../../config/index.ts";
import { decodeToken, GatewayError } from "../../telemetry/index.ts";
import {
  configOption,
  defineCommand,
  jsonOption,
  openPlatform,
  parsedArgument,
  print,
  printJson,
} from "../command.ts";
import { shareFolder } from "../folder.ts";
import { siteOf } from "../run-agent.ts";

const hubAddress = address({ mqtts: 8883 });

export const enrollAgentCommand = defineCommand({
  command: "$0 <url>",
  describe: "At the edge: get a certificate from the hub; the private key is made and stays here",
  builder: (yargs) =>
    yargs
      .positional("url", { type: "string", demandOption: true, describe: "mqtts://HUB[:8883]" })
      .option("token-from", {
        type: "string",
        demandOption: true,
        describe: "Where the token is: ${NAME} or file:/path; never on the command line.",
      })
      .option("config", configOption)
      .option("json", jsonOption)
      .example("$0 enroll mqtts://hub.example.org --token-from file:token -c site.yaml", ""),
  handler: async ({ url: given, tokenFrom, config, json }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    const { agent } = loaded.config;
    const url = parsedArgument("url", given, hubAddress);
    if (!/^(\$\{\w+\}$|file:)/.test(tokenFrom)) {
      throw new GatewayError("E_USAGE", "--token-from: write ${NAME} or file:/path");
    }
    const token = decodeToken(new Secret(tokenFrom).reveal().trim());
    if (token === undefined) {
      throw new GatewayError("E_USAGE", "--token-from: that is no token of `enroll token`");
    }
    const { region, org, site } = siteOf(loaded);
    const here = `${agent.id} of ${region}/${org}/${site}`;
    if (here !== `${token.agent} of ${token.site}`) {
      const there = `${token.agent} of ${token.site}`;
      throw new GatewayError("E_USAGE", `the token is for agent ${there}, ${config} is ${here}`);
    }
    const disk = await shareFolder(agent.data);
    const { until } = await enrolAgent({ url, token, disk }, platform);
    if (json) return printJson({ agent: token.agent, site: token.site, until });
    print(`${here} has a certificate until ${new Date(until).toISOString()}, in ${agent.data}`);
    if (agent.uplink.url === undefined) print(`agent.uplink.url: ${addressText(url)}`);
  },
});
