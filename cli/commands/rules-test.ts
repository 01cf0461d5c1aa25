/**
 * `rackstreet rules test FILE|FOLDER...`: runs the tests of rule files through the engine of the
 * hub under a clock of their own. One line a test; of a failed one what was expected and what came.
 */
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Compared, RuleTests, TestOutcome } from "../../alerts/index.ts";
import { ruleTestsOptions, runRuleTest } from "../../alerts/index.ts";
import type { Complaint } from "../../config/index.ts";
import { ComplaintsError, readYaml, validate, whyUnreadable } from "../../config/index.ts";
import type { Log } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { defineCommand, jsonOption, print, printJson } from "../command.ts";
import { exitCodes } from "../exit.ts";
import { openLog } from "../platform.ts";

export const rulesTestCommand = defineCommand({
  command: "test <files..>",
  describe: "Run the tests of rule files",
  builder: (yargs) =>
    yargs
      .positional("files", {
        type: "string",
        array: true,
        demandOption: true,
        describe: "Files (YAML) with rules and tests, or folders of them.",
      })
      .option("json", jsonOption)
      .example("$0 rules test config/rules", "every file of a folder")
      .example("$0 rules test my-rules.yaml --json", "for machines")
      .epilogue("Exit code 65 when a test fails, 78 when a file has a mistake."),
  handler: async ({ files, json }) => {
    const loaded = await loadAll(files);
    const log = openLog("error");
    let failed = 0;
    const results: FileResult[] = [];
    for (const { file, tests } of loaded) {
      const outcomes = await runAll(tests, log);
      failed += outcomes.filter(({ passed }) => !passed).length;
      results.push({ file, tests: outcomes });
      if (!json) for (const outcome of outcomes) print(outcomeText(file, outcome));
    }
    const count = results.reduce((sum, { tests }) => sum + tests.length, 0);
    if (json) printJson({ passed: count - failed, failed, files: results });
    else print(`${count - failed} passed, ${failed} failed`);
    if (failed > 0) process.exitCode = exitCodes.data;
  },
});

interface FileResult {
  readonly file: string;
  readonly tests: readonly TestOutcome[];
}

interface LoadedTests {
  readonly file: string;
  readonly tests: RuleTests;
}

async function runAll(tests: RuleTests, log: Log): Promise<TestOutcome[]> {
  const outcomes: TestOutcome[] = [];
  for (const name of Object.keys(tests.tests)) outcomes.push(await runRuleTest(tests, name, log));
  return outcomes;
}

/** Every file, or the mistakes of all of them. @throws E_CONFIG, E_CONFIG_UNREADABLE, E_USAGE */
async function loadAll(paths: readonly string[]): Promise<readonly LoadedTests[]> {
  const loaded: LoadedTests[] = [];
  const complaints: Complaint[] = [];
  for (const path of (await Promise.all(paths.map(filesAt))).flat()) {
    const source = await readYaml(path).catch((error: unknown) => kept(error, complaints));
    if (source === undefined) continue;
    try {
      loaded.push({ file: path, tests: validate(ruleTestsOptions, source) });
    } catch (error) {
      kept(error, complaints);
    }
  }
  if (complaints.length > 0) throw new ComplaintsError(complaints);
  return loaded;
}

/** Mistakes of a file wait for those of the others; all else is thrown on. */
function kept(error: unknown, complaints: Complaint[]): undefined {
  if (!(error instanceof ComplaintsError)) throw error;
  complaints.push(...error.complaints);
  return undefined;
}

async function filesAt(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => [".yaml", ".yml"].includes(extname(name)));
    if (names.length > 0) return names.toSorted().map((name) => join(path, name));
  } catch (cause) {
    throw new GatewayError("E_CONFIG_UNREADABLE", `${path}: ${whyUnreadable(cause)}`, { cause });
  }
  throw new GatewayError("E_USAGE", `${path} holds no .yaml file`);
}

function outcomeText(file: string, { name, passed, compared, ignored }: TestOutcome): string {
  const head = `${passed ? "ok  " : "FAIL"} ${file}: ${name}`;
  if (passed) return head;
  const notJudged = ignored === 0 ? [] : [`       ${ignored} values were not judged`];
  return [head, ...compared.map(comparedText), ...notJudged].join("\n");
}

const signs = { good: " ", missing: "-", surplus: "+" } as const;

/** `- 00:05:00 inlet-hot firing device=r1, sensor=top`: `-` did not come, `+` was not expected. */
function comparedText({ verdict, at, rule, state, tags, value, found }: Compared): string {
  const named = Object.entries(tags).map(([name, tag]) => `${name}=${tag}`);
  const instead = verdict === "missing" && found !== undefined ? `(was ${found})` : "";
  const last = value === undefined ? instead : `(${value})`;
  const what = `${rule} ${state} ${named.join(", ")} ${last}`;
  return `     ${signs[verdict]} ${elapsed(at)} ${what}`.trimEnd();
}

/** Time since the start of a test: 26:05:00. */
function elapsed(ms: number): string {
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}`;
}

function two(count: number): string {
  return String(Math.floor(count)).padStart(2, "0");
}
