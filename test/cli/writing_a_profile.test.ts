/** The page about writing a profile: its files check, its commands print what it shows. */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { schemaAt, unwrap } from "../../config/index.ts";
import { clock } from "../../cli/platform.ts";
import { drivers } from "../../drivers/index.ts";
import type { Simulator } from "../../drivers/modbus/simulator.ts";
import { simulate } from "../../drivers/modbus/simulator.ts";
import { YamlFile } from "../../config/index.ts";
import { isRecord } from "../../telemetry/index.ts";
import { openFolder, rackstreet, root } from "./run.ts";

const page = readFileSync(join(root, "docs/writing-a-profile.md"), "utf8");
const folder = openFolder();
let meter: Simulator;

/** The files of the page, by the name in their first line. */
const files = new Map(
  [...page.matchAll(/```yaml\n# (\S+)\n([\s\S]*?)```/g)].map(([, name = "", text = ""]) => [
    name,
    text,
  ]),
);

/** What the page shows of a command: the lines behind `$ rackstreet …`. */
function shown(start: string): { args: string[]; lines: string[] } {
  for (const [, command = "", text = ""] of page.matchAll(
    /```console\n\$ rackstreet ([^\n]+)\n([\s\S]*?)```/g,
  )) {
    if (command.startsWith(start)) {
      return { args: command.split(" "), lines: text.trimEnd().split("\n") };
    }
  }
  throw new Error(`the page shows no ${start}`);
}

/** A table's cells without their padding, and other lines as they stand. */
function cells(line: string): string {
  return line.trim().split(/ {2,}/).join(" | ");
}

function fileOf(name: string): string {
  const text = files.get(name);
  if (text === undefined) throw new Error(`the page has no ${name}`);
  return text;
}

beforeAll(async () => {
  for (const [name, text] of files) {
    mkdirSync(join(folder.path, dirname(name)), { recursive: true });
    folder.write(name, text);
  }
  const broken = fileOf("profiles/acme-p1.yaml").replace(
    "voltage_v: { at: 0, scale: 0.1 }",
    "voltge_v: { at: 0, scail: 0.1 }",
  );
  folder.write("broken.yaml", broken);
  const profile = new YamlFile("acme-p1.yaml", fileOf("profiles/acme-p1.yaml")).data;
  meter = await simulate({ profile, unit: 7, listen: {}, clock });
  const registers: [at: number, words: number[]][] = [
    [0, [2301, 2298, 2315]],
    [10, [0xfb2e, 0xffff, 0x1170, 0x0001, 0xffe7, 0b10]],
  ];
  for (const [at, words] of registers) {
    for (const [index, word] of words.entries()) meter.poke("input", at + index, word);
  }
});

afterAll(async () => {
  await meter[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const at = { cwd: folder.path };

describe("the page about writing a profile", () => {
  test("has a site that passes the check", async () => {
    const { args, lines } = shown("check");
    const { code, out } = await rackstreet(args, at);
    expect([code, out.trimEnd().split("\n")]).toEqual([0, lines]);
  });

  test("shows mistakes where they are", async () => {
    const { args, lines } = shown("profiles show");
    const { code, err } = await rackstreet(args, at);
    expect([code, err.trimEnd().split("\n")]).toEqual([78, lines]);
  });

  test("shows a reading as it is", async () => {
    const { args, lines } = shown("read");
    const where = args.map((word) => (word.startsWith("tcp:") ? meter.address : word));
    const { code, out, err } = await rackstreet(where, at);
    expect([code, err]).toEqual([0, ""]);
    expect(out.trimEnd().split("\n").map(cells)).toEqual(lines.map(cells));
  });

  test("names its device by the site's folder of profiles, too", async () => {
    const { code, out } = await rackstreet(["read", "meter", "-c", "site.yaml", "--json"], at);
    expect(code).toBe(0);
    const { points } = JSON.parse(out);
    expect(points).toHaveLength(5);
  });

  const form = drivers["modbus"]?.profile;
  test.each([
    ["At the top", []],
    ["In a point", ["points", "0"]],
    ["In a field", ["points", "0", "fields", "any"]],
    ["In `header`", ["header"]],
  ])("tells every key: %s", (title, path) => {
    const table = page.split(`| ${title} | means |`)[1]?.split("\n\n")[0] ?? "";
    const rows = table.split("\n").map((line) => line.split("|")[1] ?? "");
    const told = rows.flatMap((cell) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, key = ""]): string => key),
    );
    const found = form && schemaAt(form, path);
    const bare = found && unwrap(found);
    const known = Object.keys(isRecord(bare) && isRecord(bare["entries"]) ? bare["entries"] : {});
    expect(told.toSorted()).toEqual(known.toSorted());
  });
});
