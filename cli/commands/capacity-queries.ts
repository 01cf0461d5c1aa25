/**
 * `rackstreet capacity queries`: the same figures as queries for people who have the database but
 * no hub: InfluxQL, Flux, SQL.
 */
import { dialects, frameOf, queryText, questionsOf, rolledEvery } from "../../alerts/index.ts";
import { spanArgument } from "../capacity-read.ts";
import { configArgument, defineCommand, openPlatform, print } from "../command.ts";
import { momentArgument } from "../query-ask.ts";
import { siteOf } from "../run-agent.ts";
import { neededTopology } from "../site-topology.ts";

export const capacityQueriesCommand = defineCommand({
  command: "queries <config>",
  describe: "The same figures as queries of your database: InfluxQL, Flux, SQL",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("dialect", {
        type: "string",
        default: dialects[0],
        choices: dialects,
        describe: "`sql` is of InfluxDB 3, `sqlite` of `store sql`.",
      })
      .option("since", {
        type: "string",
        default: "7d",
        describe: "p95, peak, mean and coverage of this time.",
      })
      .option("until", {
        type: "string",
        describe: "Up to when, as in `capacity`. Default: whenever the query is run.",
      })
      .example("$0 capacity queries site.yaml > capacity.influxql", "for InfluxDB 1")
      .example("$0 capacity queries site.yaml --dialect sql", "for InfluxDB 3")
      .epilogue("docs/influx-only.md says how to run them, and what each language cannot tell."),
  handler: async ({ config, dialect, since, until }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    const topology = neededTopology(loaded, config);
    const to =
      until === undefined ? undefined : momentArgument("until", until, platform.clock.now());
    const asked = {
      since: frameOf({ from: 0, to: spanArgument("since", since), every: rolledEvery }).to,
      until: to === undefined ? undefined : frameOf({ from: 0, to, every: rolledEvery }).to,
    };
    const { store, site } = loaded.config;
    const bucket = store.engine === "influxdb2" ? store.bucket : "rackstreet";
    const title =
      `Capacity of ${site.name}: written by \`rackstreet capacity queries\` from its topology.\n` +
      "docs/influx-only.md says how to run it. Means of 5 min, no rows of quality 2 and worse.";
    const questions = questionsOf(topology, { ...siteOf(loaded) });
    print(
      queryText(dialect, questions, {
        title,
        bucket,
        ...asked,
      }).trimEnd(),
    );
  },
});
