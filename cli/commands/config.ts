/** `rackstreet config explain KEY`: meaning, default and example of one option. */
import { factsOf, nearest, schemaAt } from "../../config/index.ts";
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
    const facts = factsOf(schema);
    if (json) {
      printJson({ key, ...facts });
      return;
    }
    const rows = [
      [key === "" ? "(the whole file)" : key, facts.about ?? aboutAbove(path)],
      ["  default", facts.fallback === undefined ? "none" : JSON.stringify(facts.fallback)],
      ...(facts.example === undefined ? [] : [["  example", JSON.stringify(facts.example)]]),
      ...(facts.secret ? [["  secret", "give ${ENVIRONMENT} or file:/path; never printed"]] : []),
    ];
    for (const [name = "", value = ""] of rows) print(`${name}: ${value}`);
    for (const name of facts.keys) {
      const below = schemaAt(configSchema, [...path, name]);
      print(`  ${name}: ${below === undefined ? "" : (factsOf(below).about ?? "")}`);
    }
  },
});

/** A name of your choice and an entry of a list are what the key above says they are. */
function aboutAbove(path: readonly string[]): string {
  const above = path.length === 0 ? undefined : schemaAt(configSchema, path.slice(0, -1));
  const about = above === undefined ? undefined : factsOf(above).about;
  return about === undefined ? "" : `one of: ${about}`;
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
  describe: "Explain options",
  builder: (yargs) =>
    yargs
      .command(explainCommand)
      .demandCommand(1, "Name what to do: explain.")
      .example("$0 config explain broker.listen", "one option"),
  handler: () => undefined,
});
