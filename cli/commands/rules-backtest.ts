/**
 * `rackstreet rules backtest CONFIG`: stored history through the rules of a configuration: what
 * would have fired, how busy that would have kept people, and which alerts flap.
 */
import type { BacktestResult, Rule } from "../../alerts/index.ts";
import { backtest } from "../../alerts/index.ts";
import { nearest } from "../../config/index.ts";
import { openStore } from "../../store/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { sqliteWorker } from "../assets.ts";
import { backtestText } from "../backtest-text.ts";
import { configArgument, defineCommand, jsonOption, openPlatform } from "../command.ts";
import { print, printJson, Stop } from "../command.ts";
import { Progress } from "../progress.ts";
import { momentArgument } from "../query-ask.ts";
import { siteOf } from "../run-agent.ts";
import { expectedOf } from "../run-hub.ts";

/** @unit ms */
const day = 86_400_000;

export const rulesBacktestCommand = defineCommand({
  command: "backtest <config>",
  describe: "Replay stored history: what would have fired",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("since", {
        type: "string",
        default: "30d",
        describe: "From when: how far back (7d), a date or an ISO 8601 instant, in UTC.",
      })
      .option("until", { type: "string", default: "0s", describe: "Up to when: likewise." })
      .option("rule", { type: "string", array: true, default: [], describe: "Default: all." })
      .option("json", jsonOption)
      .example("$0 rules backtest site.yaml --since 30d", "all rules over a month")
      .example("$0 rules backtest new-rules.yaml --rule rack-hot --json", "one, for machines")
      .epilogue("Reads the store beside a running hub; writes nothing and tells nobody."),
  handler: async ({ config, since, until, rule, json }) => {
    const { loaded, platform } = await openPlatform(config, "warn");
    const { clock, log } = platform;
    const now = clock.now();
    const stretch = {
      from: momentArgument("since", since, now),
      to: momentArgument("until", until, now),
    };
    if (stretch.from >= stretch.to) {
      throw new GatewayError("E_USAGE", `--since ${since} must lie before --until ${until}`);
    }
    const rules = chosen(loaded.config.rules, rule);
    await using store = await openStore(loaded.config.store, platform, { worker: sqliteWorker });
    const started = clock.monotonic();
    const result = await untilStopped(async (signal) => {
      using progress = new Progress(clock);
      const hub = { ...siteOf(loaded), class: "hub", device: loaded.config.hub.id };
      const setup = { rules, expected: expectedOf(loaded), hub, store, stretch, log };
      const showed = (time: number): void => {
        const days = ((time - stretch.from) / day).toFixed(1);
        progress.show(`${days} of ${((stretch.to - stretch.from) / day).toFixed(1)} days`);
      };
      return await backtest({ ...setup, progress: showed }, signal);
    });
    const seconds = Math.max(0.001, (clock.monotonic() - started) / 1000);
    const daysPerSecond = (stretch.to - stretch.from) / day / seconds;
    const classless = result.classless && asksForClass(rules);
    if (json) printJson({ ...stretch, ...result, seconds, daysPerSecond });
    else print(backtestText(result, { ...stretch, seconds, daysPerSecond }));
    if (classless) {
      const why = "some devices are not in this configuration, and the store knows no class";
      process.stderr.write(`rackstreet: rules that ask for a class left rows out: ${why}\n`);
    }
  },
});

/** The rules that are asked for. @throws E_USAGE */
function chosen(
  rules: Readonly<Record<string, Rule>>,
  names: readonly string[],
): Readonly<Record<string, Rule>> {
  const known = Object.keys(rules);
  if (known.length === 0) throw new GatewayError("E_USAGE", "the configuration has no rules");
  const unknown = names.find((name) => !Object.hasOwn(rules, name));
  if (unknown === undefined) {
    const kept = Object.entries(rules).filter(([id]) => names.length === 0 || names.includes(id));
    return Object.fromEntries(kept);
  }
  const near = nearest(unknown, known);
  const hint = near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`;
  throw new GatewayError("E_USAGE", `no rule ${unknown}; ${hint}`);
}

function asksForClass(rules: Readonly<Record<string, Rule>>): boolean {
  return Object.values(rules).some(
    ({ where, by }) => Object.hasOwn(where, "class") || by.includes("class"),
  );
}

/** Work that a signal ends early. @throws E_STORE_DOWN when it was interrupted */
async function untilStopped(
  work: (signal: AbortSignal) => Promise<BacktestResult>,
): Promise<BacktestResult> {
  using stop = new Stop(undefined);
  const interrupted = new AbortController();
  void stop.asked.then(() => interrupted.abort());
  return await work(interrupted.signal);
}
