/** `rackstreet tenant why`: the rule by which a user may, or may not, hear or write a topic. */
import { grantOf, mayCause, mayHear, refusePublish, refuseSubscribe } from "../../broker/index.ts";
import { whoIs } from "../../broker/index.ts";
import { nearest } from "../../config/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { configArgument, defineCommand, jsonOption, print, printJson } from "../command.ts";
import { loadConfig } from "../config.ts";
import { siteOf } from "../run-agent.ts";

export const tenantWhyCommand = defineCommand({
  command: "why <config> <user> <topic>",
  describe: "Say which rule grants or refuses a user a topic",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .positional("user", { type: "string", demandOption: true, describe: "A user's name." })
      .positional("topic", { type: "string", demandOption: true, describe: "Topic or filter." })
      .option("publish", { type: "boolean", default: false, describe: "To write, not to read." })
      .option("json", jsonOption)
      .example("$0 tenant why hub.yaml city 'rackstreet/v1/+/power/#'", "may it subscribe?")
      .example("$0 tenant why hub.yaml edge-1 rackstreet/v1/a/b/c/power/d/set --publish", ""),
  handler: async ({ config, user: name, topic, publish, json }) => {
    const loaded = await loadConfig(config);
    const { users } = loaded.config.broker;
    const user = users[name];
    if (user === undefined) throw new GatewayError("E_USAGE", unknownUser(name, users));
    const site = siteOf(loaded);
    const grant = grantOf(name, user, `${site.region}/${site.org}/${site.site}`);
    const refusal = publish ? refusePublish(grant, topic) : refuseSubscribe(grant, topic);
    const who = whoIs(name, user, site);
    const may = refusal === undefined;
    const granting = publish ? mayCause(who, topic) : mayHear(who, topic);
    const rule = refusal?.rule ?? granting ?? "within what it reads";
    const verb = publish ? "publish on" : "subscribe to";
    if (json) return printJson({ user: name, topic, publish, may, rule, remedy: refusal?.remedy });
    print(`${name} may ${may ? "" : "not "}${verb} ${topic}`);
    print(`  rule    ${rule}`);
    if (refusal !== undefined) print(`  remedy  ${refusal.remedy}`);
  },
});

function unknownUser(name: string, users: object): string {
  const near = nearest(name, Object.keys(users));
  return `broker.users has no ${name}${near === undefined ? "" : `; did you mean ${near}?`}`;
}
