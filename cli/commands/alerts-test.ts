/**
 * `rackstreet alerts test [NAME]`: one test message to each notifier of a configuration, or to one.
 * The hub's queues and paces have no part in it, and need not be running.
 */
import { testNotifier } from "../../alerts/index.ts";
import { nearest } from "../../config/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import { configOption, defineCommand, jsonOption, openPlatform, print } from "../command.ts";
import { printJson } from "../command.ts";
import { exitCodes } from "../exit.ts";
import { renderTable } from "../table.ts";

interface Outcome {
  readonly notifier: string;
  readonly kind: string;
  readonly sent: boolean;
  readonly problem?: string;
}

export const alertsTestCommand = defineCommand({
  command: "test [name]",
  describe: "Send one test message to each notifier, and tell how it went",
  builder: (yargs) =>
    yargs
      .positional("name", { type: "string", describe: "Only this notifier." })
      .option("config", configOption)
      .option("json", jsonOption)
      .example("$0 alerts test -c hub.yaml", "each notifier of hub.yaml")
      .example("$0 alerts test duty -c hub.yaml", "only the one named duty"),
  handler: async ({ name, config: path, json }) => {
    const { loaded, platform } = await openPlatform(path);
    const { notify } = loaded.config;
    const all = Object.entries(notify);
    if (all.length === 0) throw new GatewayError("E_CONFIG", `${path}: notify names nobody`);
    const chosen = all.filter(([one]) => name === undefined || one === name);
    if (chosen.length === 0) throw new GatewayError("E_USAGE", unknown(name ?? "", notify));
    const outcomes = await Promise.all(
      chosen.map(async ([notifier, options]): Promise<Outcome> => {
        const { kind } = options;
        try {
          await testNotifier(options, platform);
          return { notifier, kind, sent: true };
        } catch (error) {
          return { notifier, kind, sent: false, problem: problemOf(error) };
        }
      }),
    );
    if (json) printJson(outcomes);
    else print(renderTable(["notifier", "kind", "test message"], outcomes.map(rowOf)));
    if (outcomes.some(({ sent }) => !sent)) process.exitCode = exitCodes.unavailable;
  },
});

function rowOf({ notifier, kind, problem }: Outcome): string[] {
  return [notifier, kind, problem ?? "sent"];
}

function problemOf(error: unknown): string {
  const code = error instanceof GatewayError ? `${error.code}: ` : "";
  return `${code}${messageOf(error)}`;
}

function unknown(name: string, notify: Readonly<Record<string, unknown>>): string {
  const near = nearest(name, Object.keys(notify));
  const hint = near === undefined ? Object.keys(notify).join(", ") : `did you mean "${near}"?`;
  return `there is no notifier "${name}"; ${hint}`;
}
