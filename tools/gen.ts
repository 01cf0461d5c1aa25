/**
 * `npm run gen`: writes every generated file of the tree; `npm run gen -- --check` only says
 * which are stale (exit code 1), and a house test asks the same. A pure function of the tree: the
 * same sources give the same bytes, whatever the clock, the machine or the order of files.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { configJsonSchema, configPage } from "./gen/config.ts";
import { examplesModule } from "./gen/examples.ts";
import { errorsPage } from "./gen/errors.ts";
import { measurementsPage } from "./gen/measurements.ts";
import { mqttClausesPage } from "./gen/mqtt_clauses.ts";
import { fieldLinesModule, profilesModule, profilesPage } from "./gen/profiles.ts";
import { readFieldLines, readProfiles } from "./gen/profiles.ts";
import { queryOutputs } from "./gen/queries.ts";

const root = resolve(import.meta.dirname, "..");

/** One generated file. */
export interface Output {
  /** From the root. */
  readonly path: string;
  readonly content: string;
}

/** What every generated file should hold now. */
export async function outputs(): Promise<readonly Output[]> {
  const profiles = await readProfiles(join(root, "config/profiles"));
  const lines = await readFieldLines(join(root, "config/profiles"));
  return [
    {
      path: "config/examples.gen.ts",
      content: await examplesModule(join(root, "config/examples")),
    },
    { path: "config/profile-lines.gen.ts", content: fieldLinesModule(lines) },
    { path: "config/profiles.gen.ts", content: profilesModule(profiles) },
    {
      path: "config/rules.gen.ts",
      content: await examplesModule(join(root, "config/rules"), "rules"),
    },
    ...(await queryOutputs(join(root, "config/examples/one-rack.yaml"))),
    { path: "config/schema.gen.json", content: configJsonSchema() },
    { path: "docs/reference/config.gen.md", content: configPage() },
    { path: "docs/reference/errors.gen.md", content: errorsPage() },
    { path: "docs/reference/measurements.gen.md", content: measurementsPage() },
    { path: "docs/reference/mqtt-clauses.gen.md", content: mqttClausesPage() },
    { path: "docs/reference/profiles.gen.md", content: profilesPage(profiles) },
  ];
}

/** Paths of the generated files that are missing or not what they should be. */
export async function stale(): Promise<readonly string[]> {
  const old = await staleOf(await outputs());
  return old.map(({ path }) => path);
}

async function staleOf(all: readonly Output[]): Promise<readonly Output[]> {
  const found = await Promise.all(all.map(({ path }) => contentOf(path)));
  return all.filter(({ content }, index) => content !== found[index]);
}

async function contentOf(path: string): Promise<string | undefined> {
  return readFile(join(root, path), "utf8").catch(() => undefined);
}

async function write({ path, content }: Output): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function main(): Promise<void> {
  const old = await staleOf(await outputs());
  if (process.argv.includes("--check")) {
    for (const { path } of old) console.error(`${path} is stale: npm run gen`);
    process.exitCode = old.length === 0 ? 0 : 1;
    return;
  }
  await Promise.all(old.map(write));
  for (const { path } of old) console.log(path);
}

if (import.meta.main) await main();
