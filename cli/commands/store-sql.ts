/** `rackstreet store sql`: SELECT over what the store holds, sealed days and roll-ups too. */
import { readFile } from "node:fs/promises";
import { openStore, SqlReader, sqlStatements } from "../../store/index.ts";
import type { SqlTable } from "../../store/index.ts";
import { GatewayError, systemCode } from "../../telemetry/index.ts";
import { sqliteWorker } from "../assets.ts";
import { configOption, defineCommand, jsonOption, openPlatform, print } from "../command.ts";
import { printJson } from "../command.ts";
import { momentArgument } from "../query-ask.ts";
import { renderTable } from "../table.ts";

/** Reading weeks of a large site from slow disks may take so long. @unit ms */
const patience = 600_000;

export const storeSqlCommand = defineCommand({
  command: "sql [statement]",
  describe: "SELECT over what the store holds: a table for each measurement",
  builder: (yargs) =>
    yargs
      .positional("statement", { type: "string", describe: "One SELECT, in SQLite's words." })
      .option("file", { type: "string", describe: "A file of statements instead." })
      .option("config", configOption)
      .option("since", {
        type: "string",
        default: "7d",
        describe: "Rows from when: how far back, a date or an ISO 8601 instant, in UTC.",
      })
      .option("until", { type: "string", default: "0s", describe: "Up to when, not included." })
      .option("json", jsonOption)
      .example("$0 store sql 'SELECT device, max(temp_c) FROM thermal GROUP BY device'", "")
      .example("$0 store sql --file capacity.sql --since 8d", "what `capacity queries` wrote")
      .epilogue(
        "Columns: time (ms since 1970, UTC), tags, fields. The tables are copies in memory of at " +
          "most 5,000,000 rows; nothing is written to the store.",
      ),
  handler: async ({ statement, file, config, since, until, json }) => {
    const statements = await statementsOf(statement, file);
    const { loaded, platform } = await openPlatform(config, "error");
    const now = platform.clock.now();
    const span = {
      from: momentArgument("since", since, now),
      // Rows of this moment too.
      to: momentArgument("until", until, now + 1),
    };
    await using store = await openStore(loaded.config.store, platform, { worker: sqliteWorker });
    using reader = new SqlReader(store, span);
    const signal = AbortSignal.timeout(patience);
    const tables: SqlTable[] = [];
    for (const one of statements) tables.push(await reader.ask(one, signal));
    if (json) printJson(tables.map(recordsOf));
    else print(tables.map(tableText).join("\n\n"));
  },
});

/** @throws E_USAGE */
async function statementsOf(
  statement: string | undefined,
  file: string | undefined,
): Promise<readonly string[]> {
  if ((statement === undefined) === (file === undefined)) {
    throw new GatewayError("E_USAGE", "give either a statement or --file");
  }
  const statements = sqlStatements(statement ?? (await textOf(file ?? "")));
  if (statements.length === 0) throw new GatewayError("E_USAGE", "there is no statement");
  return statements;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const why = `--file ${file} cannot be read: ${systemCode(error) ?? "unknown"}`;
    throw new GatewayError("E_USAGE", why, { cause: error });
  }
}

function recordsOf({ columns, rows }: SqlTable): readonly Readonly<Record<string, unknown>>[] {
  return rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]])));
}

function tableText({ columns, rows }: SqlTable): string {
  const shown = rows.map((row) => row.map((value) => (value === null ? "" : String(value))));
  return rows.length === 0 ? "no row" : renderTable(columns, shown);
}
