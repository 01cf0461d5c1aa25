/**
 * `rackstreet capacity queries`: the same figures as queries for people who have the database but
 * no hub: InfluxQL, Flux, SQL, and a Grafana dashboard that runs them.
 */
import { dialects, questionsOf } from "../../alerts/index.ts";
import { capacityDashboard } from "../../console/index.ts";
import { queriesText, querySpan } from "../capacity-queries.ts";
import { configArgument, defineCommand, openPlatform, print, printJson } from "../command.ts";
import { siteOf } from "../run-agent.ts";
import { neededTopology } from "../site-topology.ts";

export const capacityQueriesCommand = defineCommand({
  command: "queries <config>",
  describe: "The same figures as queries of your database: InfluxQL, Flux, SQL, Grafana",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("dialect", {
        type: "string",
        default: dialects[0],
        choices: [...dialects, "grafana"] as const,
        describe: "`sql` is of InfluxDB 3, `sqlite` of `store sql`; `grafana` a dashboard.",
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
      .example("$0 capacity queries site.yaml --dialect grafana > capacity.json", "to import")
      .epilogue("docs/influx-only.md says how to run them, and what each language cannot tell."),
  handler: async ({ config, dialect, ...given }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    const questions = questionsOf(neededTopology(loaded, config), { ...siteOf(loaded) });
    const asked = querySpan(given, platform.clock.now());
    if (dialect === "grafana") {
      printJson(capacityDashboard(questions, loaded.config.site.name, asked));
    } else print(queriesText(loaded.config, questions, { dialect, ...asked }).trimEnd());
  },
});
