/**
 * `rackstreet profiles ls [WORDS]`: which products can be read by name.
 * `rackstreet profiles show PROFILE`: what one of them reads and where its facts come from; a file
 * of one's own is held against the form first.
 */
import type { Profile } from "../../config/index.ts";
import { fieldFacts, isRecord } from "../../telemetry/index.ts";
import { defineCommand, jsonOption, print, printJson } from "../command.ts";
import { isProfileFile, loadLibrary, loadProfile, profileOf } from "../config.ts";
import { renderTable } from "../table.ts";

const folderOption = { type: "string", describe: "A folder of your own, too." } as const;

const wordsArgument = {
  type: "string",
  array: true,
  default: [],
  describe: "Only those with all these words in id, vendor, model or class.",
} as const;

interface ListArguments {
  readonly words: readonly string[];
  readonly folder: string | undefined;
  readonly json: boolean;
}

async function list({ words, folder, json }: ListArguments): Promise<void> {
  const library = await loadLibrary(folder);
  const found = [...library.keys()]
    .toSorted()
    .map((id) => profileOf(library, id))
    .filter(({ id, vendor, model, class: kind }) => {
      const text = `${id} ${vendor} ${model} ${kind}`.toLowerCase();
      return words.every((word) => text.includes(word.toLowerCase()));
    });
  if (json) {
    printJson(found.map(({ points: _points, header: _header, ...rest }) => rest));
    return;
  }
  if (found.length === 0) {
    print(`no profile has ${words.join(" and ")}; \`rackstreet profiles\` lists all`);
    return;
  }
  const rows = found.map(({ id, vendor, model, class: kind, driver, confidence }) => [
    id,
    vendor,
    model,
    kind,
    driver,
    confidence,
  ]);
  print(renderTable(["profile", "vendor", "model", "class", "driver", "confidence"], rows));
}

const lsCommand = defineCommand({
  command: ["ls [words..]", "$0"],
  describe: "List device profiles",
  builder: (yargs) =>
    yargs
      .positional("words", wordsArgument)
      .option("folder", folderOption)
      .option("json", jsonOption)
      .example("$0 profiles ls eastron", "what there is from one maker")
      .example("$0 profiles ls --folder ./profiles", "with your own"),
  handler: ({ words, folder, json }) => list({ words, folder, json }),
});

const showCommand = defineCommand({
  command: "show <profile>",
  describe: "What a profile reads, where, and by which source",
  builder: (yargs) =>
    yargs
      .positional("profile", {
        type: "string",
        demandOption: true,
        describe: "A profile's id or file.",
      })
      .option("folder", folderOption)
      .option("json", jsonOption)
      .example("$0 profiles show eastron-sdm630", "one that ships")
      .example("$0 profiles show ./mine.yaml", "one that you are writing"),
  handler: async ({ profile: name, folder, json }) => {
    const library = new Map(await loadLibrary(folder));
    let id = name;
    if (isProfileFile(name)) {
      const own = await loadProfile(name);
      id = own.id;
      library.set(id, own.data);
    }
    const profile = profileOf(library, id);
    if (json) printJson(library.get(id));
    else print(described(profile));
  },
});

function described(profile: Profile): string {
  const { id, vendor, model, class: kind, driver, confidence, sources, caveats } = profile;
  const facts = [
    `${id}: ${vendor} ${model}`,
    `class ${kind}, driver ${driver}, confidence ${confidence}`,
    ...sources.map((source) => `source: ${source}`),
    ...caveats.map((caveat) => `caveat: ${caveat}`),
    ...entriesOf(profile.header).map(([key, value]) => `${key}: ${short(value)}`),
  ];
  const rows = profile.points.flatMap((point) =>
    Object.entries(point.fields).map(([field, form]) => [
      point.measurement,
      channelOf(point),
      field,
      fieldFacts(point.measurement, field)?.unit?.shown ?? "",
      entriesOf(form)
        .map(([key, value]) => `${key} ${short(value)}`)
        .join(", "),
    ]),
  );
  return [
    ...facts,
    "",
    renderTable(["measurement", "channel", "field", "unit", "read"], rows),
  ].join("\n");
}

/** `outlet 1..24` for a repeated row. */
function channelOf({ tags, repeat }: Profile["points"][number]): string {
  const [template = ""] = Object.values(tags ?? {});
  if (repeat === undefined) return template;
  const numbered = (number: number): string => template.replaceAll("{n}", String(number));
  return `${numbered(repeat.from)}..${numbered(repeat.from + repeat.count - 1)}`;
}

function entriesOf(value: unknown): [string, unknown][] {
  const entries = isRecord(value) ? Object.entries(value) : [];
  return entries.filter(([, entry]) => !Array.isArray(entry) || entry.length > 0);
}

function short(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export const profilesCommand = defineCommand({
  command: "profiles",
  describe: "List device profiles, or show one",
  builder: (yargs) =>
    yargs
      .command(lsCommand)
      .command(showCommand)
      .example("$0 profiles eastron", "what there is from one maker")
      .example("$0 profiles show eastron-sdm630", "what one of them reads"),
  handler: () => undefined,
});
