/** Profiles from a folder of one's own: by name, by file, shown, read, and wrong in many ways. */
import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { profiles } from "../../config/profiles.gen.ts";
import { clock } from "../../cli/platform.ts";
import type { Simulator } from "../../drivers/modbus/simulator.ts";
import { simulate } from "../../drivers/modbus/simulator.ts";
import { openFolder, rackstreet } from "./run.ts";

const folder = openFolder();
const at = { cwd: folder.path };
let meter: Simulator;

function profile(id: string, fields = "temp_c: { at: 16, scale: 0.1 }"): string {
  return `id: ${id}
vendor: Acme
model: T1
class: thermal
driver: modbus
sources: [a label on the device]
confidence: low
points:
  - measurement: thermal
    tags: { sensor: a }
    fields: { ${fields} }
`;
}

function site(name: string, own: string, id = "acme-t1"): string {
  const device = `{ profile: ${id}, address: "${meter.address}" }`;
  return folder.write(name, `site: lab\nprofiles: ${own}\ndevices:\n  one: ${device}\n`);
}

beforeAll(async () => {
  for (const name of ["own", "bad", "twice", "wins"]) mkdirSync(`${folder.path}/${name}`);
  folder.write("own/acme-t1.yaml", profile("acme-t1"));
  folder.write("own/acme-t2.yml", profile("acme-t2"));
  folder.write("own/.acme-t3.yaml", "left by an editor: [");
  folder.write("own/notes.txt", "not a profile");
  folder.write("bad/acme-t1.yaml", profile("acme-t1", "temp_c: { at: 16, type: string }"));
  folder.write("bad/acme-t2.yml", profile("acme-t2", "tmp_c: { at: 16, scail: 0.1 }"));
  folder.write("twice/one.yaml", profile("acme-t1"));
  folder.write("twice/two.yaml", profile("acme-t1"));
  folder.write("wins/mine.yaml", profile("xy-md02"));
  meter = await simulate({ profile: profiles["eastron-sdm630"], listen: {}, clock });
  meter.poke("holding", 16, 215);
});

afterAll(async () => {
  await meter[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("profiles of one's own", () => {
  test("are listed beside those that ship, whatever the ending of their files", async () => {
    const { code, out } = await rackstreet(["profiles", "ls", "acme", "--folder", "own"], at);
    const ids = out
      .trimEnd()
      .split("\n")
      .map((line) => line.trim().split(" ")[0]);
    expect([code, ids]).toEqual([0, ["profile", "acme-t1", "acme-t2"]]);
  });

  test("are shown by name and by file alike", async () => {
    const byName = await rackstreet(["profiles", "show", "acme-t1", "--folder", "own"], at);
    const byFile = await rackstreet(["profiles", "show", "own/acme-t1.yaml"], at);
    expect([byName.code, byName.err]).toEqual([0, ""]);
    expect(byName.out).toMatch(/^acme-t1: Acme T1$/m);
    expect(byName.out).toMatch(/^source: a label on the device$/m);
    expect(byName.out).toMatch(/thermal +a +temp_c +°C +at 16, scale 0\.1/);
    expect(byFile.out).toBe(byName.out);
  });

  test("are shown as JSON as they stand", async () => {
    const { out } = await rackstreet(["profiles", "show", "own/acme-t2.yml", "--json"], at);
    expect(JSON.parse(out)).toMatchObject({ id: "acme-t2", points: [{ measurement: "thermal" }] });
  });

  test.each([
    ["by a site's folder", () => ["read", "one", "-c", site("relative.yaml", "./own")]],
    ["by an absolute folder", () => ["read", "one", "-c", site("abs.yaml", `${folder.path}/own`)]],
    ["by file", () => ["read", "--profile", "own/acme-t1.yaml", "--address", meter.address]],
    ["by .yml file", () => ["read", "--profile", "./own/acme-t2.yml", "--address", meter.address]],
    [
      "by name and folder",
      () => ["read", "--profile", "acme-t2", "--folder", "own", "--address", meter.address],
    ],
  ])("are read %s", async (_how, args) => {
    const { code, out, err } = await rackstreet(args(), at);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/thermal +a +temp_c +21\.50 °C +holding 0x0010 ×1 +00d7/);
  });

  test("win over one that ships under the same id", async () => {
    const { code, out } = await rackstreet(["profiles", "show", "xy-md02", "--folder", "wins"], at);
    expect([code, out.split("\n")[0]]).toEqual([0, "xy-md02: Acme T1"]);
  });

  test("with mistakes name every line of every file, in check and elsewhere", async () => {
    const mistakes = [
      "bad/acme-t1.yaml:11:15: points.0.fields.temp_c: a text needs `length`, in registers of",
      'bad/acme-t2.yml:11:15: points.0.fields.tmp_c: no field of thermal; did you mean "temp_c"?',
      'bad/acme-t2.yml:11:32: points.0.fields.tmp_c.scail: unknown key; did you mean "scale"?',
    ];
    const checked = await rackstreet(["check", site("mistaken.yaml", "./bad")], at);
    const listed = await rackstreet(["profiles", "--folder", "bad"], at);
    for (const { code, err } of [checked, listed]) {
      expect(code).toBe(78);
      expect(err).toContain("E_CONFIG: 3 mistakes");
      for (const mistake of mistakes) expect(err).toContain(mistake);
      expect(err).toContain("Fix the lines named");
    }
  });

  test("with mistakes give machines file, line and column", async () => {
    const { code, out } = await rackstreet(["check", site("m.yaml", "bad"), "--json"], at);
    const { ok, complaints } = JSON.parse(out);
    expect([code, ok]).toEqual([78, false]);
    expect(complaints[0]).toMatchObject({ file: "bad/acme-t1.yaml", line: 11, column: 15 });
  });

  test("with one id in two files are a mistake of the second", async () => {
    const { code, err } = await rackstreet(["check", site("two.yaml", "twice")], at);
    expect(code).toBe(78);
    expect(err).toContain("twice/two.yaml:1:5: id: one.yaml has this id too");
  });

  test("that a site misspells get the nearest name", async () => {
    const { code, err } = await rackstreet(["check", site("near.yaml", "own", "acme-t3")], at);
    expect(code).toBe(78);
    expect(err).toContain('no profile "acme-t3"; did you mean "acme-t1"?');
  });

  test("that are no file say so", async () => {
    const args = ["read", "--profile", "nowhere.yaml", "--address", meter.address];
    const { code, err } = await rackstreet(args, at);
    expect(code).toBe(78);
    expect(err).toContain("E_CONFIG_UNREADABLE: nowhere.yaml: is not there");
  });
});
