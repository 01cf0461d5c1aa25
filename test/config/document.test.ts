/** YAML with positions: complaints point at the place that a person must change. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Complaint, Path } from "../../config/index.ts";
import { ComplaintsError, complaintText, readYaml, YamlFile } from "../../config/index.ts";

const source = `site: hall
devices:
  meter:
    unit: 3
    points: [a, bb]
  "quoted":
    rack: r1
  empty:
`;

function at(path: Path, atKey = false): string {
  const { line, column } = new YamlFile("a.yaml", source).complain(path, "x", atKey);
  return `${line}:${column}`;
}

/** What is wrong with a file, as `line:column: problem`. */
function complaintsOf(source: string): string[] {
  try {
    return [`nothing: ${JSON.stringify(new YamlFile("a.yaml", source).data)}`];
  } catch (error) {
    if (!(error instanceof ComplaintsError)) throw error;
    return error.complaints.map((complaint) => complaintText(complaint).replace("a.yaml:", ""));
  }
}

describe("a complaint", () => {
  test.each<[string, Path, boolean, string]>([
    ["at a value", ["devices", "meter", "unit"], false, "4:11"],
    ["at a key", ["devices", "meter", "unit"], true, "4:5"],
    ["at an entry of a list", ["devices", "meter", "points", 1], false, "5:17"],
    ["at a key in quotes", ["devices", "quoted"], true, "6:3"],
    ["at the parent of a missing key", ["devices", "meter", "rack"], false, "4:5"],
    [
      "at the parent of what lies far below a missing key",
      ["devices", "x", "y", "z"],
      false,
      "3:3",
    ],
    ["at an empty value", ["devices", "empty"], true, "8:3"],
    ["at the top", [], false, "1:1"],
  ])("%s stands there", (_what, path, atKey, place) => {
    expect(at(path, atKey)).toBe(place);
  });

  test("reads as file:line:column: key: problem", () => {
    const complaint = new YamlFile("a.yaml", source).complain(["site"], "is wrong");
    expect(complaintText(complaint)).toBe("a.yaml:1:7: site: is wrong");
    expect(complaintText({ ...complaint, key: "" })).toBe("a.yaml:1:7: is wrong");
  });

  test("among others is told in the order of the file", () => {
    const one = (line: number, column: number): Complaint => {
      return { file: "a.yaml", line, column, key: "", problem: "x" };
    };
    const { message } = new ComplaintsError([one(10, 1), one(2, 9), one(2, 3)]);
    expect(message).toBe("3 mistakes\n  a.yaml:2:3: x\n  a.yaml:2:9: x\n  a.yaml:10:1: x");
    expect(new ComplaintsError([one(1, 1)]).message).toBe("1 mistake\n  a.yaml:1:1: x");
  });
});

describe("a file", () => {
  test.each([
    ["nothing", "", "{}"],
    ["a comment alone", "# nothing yet\n", "{}"],
    ["null", "null\n", "{}"],
    ["a byte order mark", "\uFEFFsite: x\n", '{"site":"x"}'],
    ["lines as Windows ends them", "a: 1\r\nb: 2\r\n", '{"a":1,"b":2}'],
    ["yes and no, which YAML 1.2 leaves as texts", "a: yes\nb: off\n", '{"a":"yes","b":"off"}'],
    ["keys that are numbers", "1: a\n", '{"1":"a"}'],
    ["an alias of an anchor", "a: &x [1]\nb: *x\n", '{"a":[1],"b":[1]}'],
  ])("may hold %s", (_what, source, data) => {
    expect(complaintsOf(source)).toEqual([`nothing: ${data}`]);
  });

  test.each([
    ["a key twice", "a: 1\nb: 2\na: 3\n", "3:1: this key stands twice at the same level"],
    ["a tab", "a:\n\tb: 1\n", "2:1: tabs do not indent in YAML; use spaces"],
    ["two documents", "a: 1\n---\nb: 1\n", "2:1: a second document begins here; a file holds one"],
    ["an unknown anchor", "a: 1\nb: *x\n", "2:4: no anchor &x stands before *x"],
    ["an anchor too late", "a: *x\nb: &x 1\n", "1:4: no anchor &x stands before *x"],
    ["a tag", "a: !run rm\n", "1:4: tags (!NAME) mean nothing here; write the value alone"],
    ["a name that objects own", "a: {constructor: 1}\n", "1:5: nothing can be called constructor"],
    ["the other such name", "__proto__: 1\n", "1:1: nothing can be called __proto__"],
    [
      "a colon in a text",
      "a: b: c\n",
      "1:4: a second `: ` on one line; quote the text, or give each key its line",
    ],
    ["a key that is a list", "? [a]\n: 1\n", "1:3: a key must be a name"],
  ])("with %s is refused at its place", (_what, source, complaint) => {
    expect(complaintsOf(source)).toEqual([complaint]);
  });

  test("with a bracket that never closes is refused", () => {
    expect(complaintsOf("a: [1\nb: 2\n")[0]).toMatch(/^\d+:\d+: /);
  });

  test("whose aliases stand for millions of values is refused", () => {
    const ten = (name: string): string => `[${Array.from({ length: 9 }, () => name).join(",")}]`;
    const bomb = `a: &a ${ten("x")}\nb: &b ${ten("*a")}\nc: &c ${ten("*b")}\nd: ${ten("*c")}\n`;
    expect(complaintsOf(bomb)).toEqual(["1:1: the aliases (*NAME) stand for too much"]);
  });

  test("of any text ends in data or in complaints with a place", () => {
    const line = fc.stringMatching(/^ {0,3}[a-c&*!?|>'"[\]{},:#\- ]{0,8}$/);
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        for (const complaint of complaintsOf(lines.join("\n"))) {
          expect(complaint).toMatch(/^(nothing|\d+:\d+): ./);
        }
      }),
    );
  });
});

const folder = mkdtempSync(join(tmpdir(), "rackstreet-document-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("readYaml", () => {
  test("reads a file", async () => {
    const path = join(folder, "good.yaml");
    writeFileSync(path, "a: 1\n");
    expect((await readYaml(path)).data).toEqual({ a: 1 });
  });

  test.each([
    ["that is not there", "none.yaml", "is not there"],
    ["that is a folder", "", "is a folder, not a file"],
    ["below a file", "good.yaml/x", "is not a folder"],
  ])("says why it cannot read a file %s", async (_what, name, why) => {
    const path = join(folder, name);
    await expect(readYaml(path)).rejects.toMatchObject({
      code: "E_CONFIG_UNREADABLE",
      message: `${path}: ${why}`,
    });
  });
});
