/** `rackstreet enroll token`: a one-time token with which one agent gets its certificate. */
import type { Order } from "../../broker/index.ts";
import {
  Book,
  digestOf,
  newSecret,
  pendingOf,
  prepareEnrolment,
  readOrders,
  withToken,
  writeOrders,
} from "../../broker/index.ts";
import { atLeast, levelName, v } from "../../config/index.ts";
import { encodeToken } from "../../telemetry/index.ts";
import type { Schema } from "../../config/index.ts";
import {
  configArgument,
  defineCommand,
  jsonOption,
  openPlatform,
  parsedArgument,
  print,
  printJson,
} from "../command.ts";
import { openEnrolFolder } from "../enrol-folder.ts";
import { siteOf } from "../run-agent.ts";

const siteText: Schema<string> = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9_-]{1,64}(\/[a-z0-9_-]{1,64}){2}$/, "write region/org/site"),
);

export const enrollTokenCommand = defineCommand({
  command: "token <config>",
  describe: "At the hub: make a one-time token for an agent; printed once, kept as its hash",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("agent", { type: "string", demandOption: true, describe: "The agent's id." })
      .option("site", { type: "string", describe: "region/org/site; default: the hub's own." })
      .option("valid", { type: "string", default: "24h", describe: "How long it may be used." })
      .option("json", jsonOption)
      .example("$0 enroll token hub.yaml --agent edge-1 > token", "for an agent of the hub's site")
      .example("$0 enroll token hub.yaml --agent edge-1 --site cn/power/hall-2 --valid 1h", ""),
  handler: async ({ config, agent, site: place, valid, json }) => {
    const { loaded, platform } = await openPlatform(config);
    const { region, org, site: own } = siteOf(loaded);
    const name = parsedArgument("agent", agent, levelName);
    const site = parsedArgument("site", place ?? `${region}/${org}/${own}`, siteText);
    const ms = parsedArgument("valid", valid, v.pipe(atLeast("1m"), v.maxValue(longest, tooLong)));
    const { clock, entropy } = platform;
    await using folder = await openEnrolFolder(loaded, clock);
    const { disk } = folder.setup;
    const { fingerprint } = await prepareEnrolment(folder.setup, platform);
    const secret = newSecret(entropy);
    const until = clock.now() + ms;
    const order: Order = { id: entropy.id(), digest: digestOf(secret), site, agent: name, until };
    const orders = await readOrders(disk);
    // What the hub has carried out is forgotten.
    const revoked = pendingOf(orders, await Book.open(disk, platform.log));
    await writeOrders(disk, withToken({ ...orders, revoked }, order, clock.now()));
    const token = encodeToken({ id: order.id, secret, agent: name, site, hub: fingerprint });
    if (json) return printJson({ token, agent: name, site, until });
    print(token);
    process.stderr.write(
      `for agent ${name} of ${site}, once, until ${new Date(until).toISOString()}\n`,
    );
  },
});

/** @unit ms */
const longest = 30 * 86_400_000;
const tooLong = "must be at most 30d";
