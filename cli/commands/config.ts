/**
 * `rackstreet config explain KEY`: meaning, default and example of one option.
 * `rackstreet config example NAME`: a configuration to start from, also where no file is at hand.
 * `rackstreet config rules NAME`: a pack of alert rules with their tests.
 * `rackstreet config dashboards NAME`, `config queries DIALECT`: for Grafana and databases.
 */
import { dashboards } from "../../config/dashboards.gen.ts";
import { examples } from "../../config/examples.gen.ts";
import { queries } from "../../config/queries.gen.ts";
import { rules } from "../../config/rules.gen.ts";
import type { OptionFacts } from "../../config/index.ts";
import { factsOf, nearest, schemaAt } from "../../config/index.ts";
import { drivers } from "../../drivers/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { defineCommand, jsonOption, print, printJson } from "../command.ts";
import { configSchema } from "../schema.ts";

const explainCommand = defineCommand({
  command: "explain [key]",
  describe: "What an option means",
  builder: (yargs) =>
    yargs
      .positional("key", {
        type: "string",
        default: "",
        describe: "Dotted path; `*` stands for any name.",
      })
      .option("json", jsonOption)
      .example("$0 config explain agent.spool.size", "one option")
      .example("$0 config explain 'devices.*'", "what a device may say"),
  handler: ({ key, json }) => {
    const path = key === "" ? [] : key.split(".");
    const schema = schemaAt(configSchema, path);
    if (schema === undefined) throw new GatewayError("E_USAGE", unknownKey(path));
    const [first, ...others] = meanings(path);
    const facts = first?.facts ?? factsOf(schema);
    if (json) {
      const more = others.map(({ driver, facts }) => [driver, facts]);
      printJson({
        key,
        ...facts,
        ...(more.length > 0 ? { drivers: Object.fromEntries(more) } : {}),
      });
      return;
    }
    const rows = [
      [key === "" ? "(the whole file)" : key, facts.about ?? aboutAbove(path)],
      ["  default", facts.fallback === undefined ? "none" : JSON.stringify(facts.fallback)],
      ...(facts.example === undefined ? [] : [["  example", JSON.stringify(facts.example)]]),
      ...(facts.secret ? [["  secret", "give ${ENVIRONMENT} or file:/path; never printed"]] : []),
    ];
    for (const [name = "", value = ""] of rows) print(`${name}: ${value}`);
    for (const { driver, facts } of others) print(`  with ${driver}: ${facts.about ?? ""}`);
    for (const name of facts.keys) {
      for (const { facts } of meanings([...path, name])) print(`  ${name}: ${facts.about ?? ""}`);
    }
  },
});

interface Meaning {
  /** The first driver that means this by it. */
  readonly driver: string;
  readonly facts: OptionFacts;
}

/** What an option means: one thing, but for options of devices, whose drivers may differ. */
function meanings(path: readonly string[]): readonly Meaning[] {
  const [section, device = "", option] = path;
  const kinds = section === "devices" && option !== undefined ? Object.keys(drivers) : [""];
  const all = kinds.flatMap((driver): Meaning[] => {
    const schema = schemaAt(configSchema, path, { devices: { [device]: { driver } } });
    return schema === undefined ? [] : [{ driver, facts: factsOf(schema) }];
  });
  const abouts = all.map(({ facts }) => facts.about);
  return all.filter((_, index) => abouts.indexOf(abouts[index]) === index);
}

/** A name of your choice and an entry of a list are what the key above says they are. */
function aboutAbove(path: readonly string[]): string {
  const above = path.length === 0 ? undefined : schemaAt(configSchema, path.slice(0, -1));
  const about = above === undefined ? undefined : factsOf(above).about;
  return about === undefined ? "" : `one of: ${about}`;
}

const exampleCommand = defineCommand({
  command: "example [name]",
  describe: "Print a configuration to start from",
  builder: (yargs) =>
    yargs
      .positional("name", { type: "string", describe: "Left out: which there are." })
      .example("$0 config example demo > demo.yaml", "then: $0 up demo.yaml"),
  handler: ({ name }) => printText("example", examples, name),
});

const rulesCommand = defineCommand({
  command: "rules [name]",
  describe: "Print a pack of alert rules with their tests",
  builder: (yargs) =>
    yargs
      .positional("name", { type: "string", describe: "Left out: which there are." })
      .example("$0 config rules street-lamps > lamps.yaml", "then: $0 rules test lamps.yaml"),
  handler: ({ name }) => printText("rule pack", rules, name),
});

const dashboardsCommand = defineCommand({
  command: "dashboards [name]",
  describe: "Print a Grafana dashboard to import",
  builder: (yargs) =>
    yargs
      .positional("name", { type: "string", describe: "Left out: which there are." })
      .example("$0 config dashboards site > site.json", "then: Grafana, Dashboards, Import")
      .epilogue("`capacity` is of the example one-rack; `capacity queries` writes that of yours."),
  handler: ({ name }) => printText("dashboard", dashboards, name),
});

const queriesCommand = defineCommand({
  command: "queries [dialect]",
  describe: "Print queries of capacity and PUE, of the example one-rack",
  builder: (yargs) =>
    yargs
      .positional("dialect", { type: "string", describe: "Left out: which there are." })
      .example("$0 config queries influxql > capacity.influxql", "to put your own meters in")
      .epilogue("`capacity queries` writes those of your own topology."),
  handler: ({ dialect }) => printText("queries in", queries, dialect),
});

/** One of several texts by name, or their names. @throws E_USAGE */
function printText(
  what: string,
  texts: Readonly<Record<string, string>>,
  name: string | undefined,
): void {
  const names = Object.keys(texts);
  if (name === undefined) return print(names.join("\n"));
  const text = Object.hasOwn(texts, name) ? texts[name] : undefined;
  if (text !== undefined) return print(text.trimEnd());
  const near = nearest(name, names);
  const hint = near === undefined ? names.join(", ") : `did you mean "${near}"?`;
  throw new GatewayError("E_USAGE", `no ${what} ${name}; ${hint}`);
}

function unknownKey(path: readonly string[]): string {
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const parent = schemaAt(configSchema, path.slice(0, depth));
    if (parent === undefined) continue;
    const { keys } = factsOf(parent);
    const near = nearest(path[depth] ?? "", keys);
    const hint = near === undefined ? `known: ${keys.join(", ")}` : `did you mean "${near}"?`;
    return `no option ${path.slice(0, depth + 1).join(".")}; ${hint}`;
  }
  return `no option ${path.join(".")}`;
}

export const configCommand = defineCommand({
  command: "config",
  describe: "Explain options; print examples, rule packs, dashboards, queries",
  builder: (yargs) =>
    yargs
      .command(explainCommand)
      .command(exampleCommand)
      .command(rulesCommand)
      .command(dashboardsCommand)
      .command(queriesCommand)
      .demandCommand(1, "Name what to do: explain, example, rules, dashboards or queries.")
      .example("$0 config explain broker.listen", "one option"),
  handler: () => undefined,
});
