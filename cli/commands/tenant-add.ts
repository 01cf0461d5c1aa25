/**
 * `rackstreet tenant add`: an organisation with a user and quotas, written into the configuration.
 * The password is made here, printed once and kept as its hash.
 */
import type { Addition } from "../../config/index.ts";
import { size, v, whole } from "../../config/index.ts";
import { hashPassword, orgName } from "../../broker/index.ts";
import type { Schema } from "../../config/index.ts";
import { topicRoot } from "../../telemetry/index.ts";
import { configArgument, defineCommand, jsonOption, parsedArgument } from "../command.ts";
import { print, printJson } from "../command.ts";
import { addToConfig } from "../edit-config.ts";
import { entropy } from "../platform.ts";

/** What `--help` shows as a number or text, in the words of the configuration. */
const quotas = {
  rate: { type: "number", describe: "Publishes per second of all its clients." },
  bytes: { type: "string", describe: "Their bytes per second: 1MiB." },
  connections: { type: "number", describe: "Its clients that may be connected." },
  sessions: { type: "number", describe: "Sessions that are kept for them." },
  retained: { type: "number", describe: "Its topics with a retained message." },
  series: { type: "number", describe: "Rows of one device, measurement and channel." },
} as const;

interface Quotas {
  readonly rate: number | undefined;
  readonly bytes: string | undefined;
  readonly connections: number | undefined;
  readonly sessions: number | undefined;
  readonly retained: number | undefined;
  readonly series: number | undefined;
}

export const tenantAddCommand = defineCommand({
  command: "add <config> <org>",
  describe: "Add an organisation: a user who reads its topics, and quotas",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .positional("org", { type: "string", demandOption: true, describe: "region/org." })
      .option("user", { type: "string", describe: "The user's name; default: the org's." })
      .option("read", {
        type: "string",
        array: true,
        describe: "Topic filters it may read; default: the organisation's topics.",
      })
      .options(quotas)
      .option("json", jsonOption)
      .example("$0 tenant add hub.yaml cn/power --rate 500 --bytes 1MiB --connections 200", "")
      .example("$0 tenant add hub.yaml cn/roads --user roads-desk --series 20000", ""),
  handler: async ({ config, org: given, user, read, json, ...limits }) => {
    const org = parsedArgument("org", given, orgName);
    const name = user ?? org.split("/")[1] ?? org;
    const password = entropy.id() + entropy.id();
    const additions: Addition[] = [
      { path: ["broker", "tenants", org], value: tenantOf(limits) },
      {
        path: ["broker", "users", name],
        value: {
          passwordHash: await hashPassword(password, entropy),
          role: "reader",
          org,
          read: read ?? [`${topicRoot}/${org}/#`],
        },
      },
    ];
    await addToConfig(config, additions);
    if (json) return printJson({ org, user: name, password });
    print(`${config}: organisation ${org} with user ${name}`);
    print(`password, shown this once: ${password}`);
  },
});

/** The quotas that were given, as the configuration has them. @throws E_USAGE */
function tenantOf({ rate, bytes, ...counts }: Quotas): object {
  const pace = present({
    messages: checked("rate", rate, v.pipe(v.number(), v.minValue(0.01))),
    bytes: checked("bytes", bytes, size),
  });
  return {
    ...(Object.keys(pace).length === 0 ? {} : { rate: pace }),
    ...present({
      connections: checked("connections", counts.connections, whole(1, 100_000)),
      sessions: checked("sessions", counts.sessions, whole(0, 100_000)),
      retained: checked("retained", counts.retained, whole(0, 10_000_000)),
      series: checked("series", counts.series, whole(1, 10_000_000)),
    }),
  };
}

function present(values: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** As it was written, once it is known to be right. */
function checked<Value>(name: string, value: Value, form: Schema): Value {
  if (value !== undefined) parsedArgument(name, value, form);
  return value;
}
