/** `rackstreet topology`, and the page about it: its file and what it shows are the program's. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openFolder, rackstreet, root } from "./run.ts";

const page = readFileSync(join(root, "docs/topology.md"), "utf8");
const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());

const at = { cwd: folder.path };
const example = join(root, "config/examples/machine-room.yaml");

/** What the page shows of each command, without the blanks that a table ends in. */
const shown = [...page.matchAll(/```console\n\$ rackstreet ([^\n]+)\n([\s\S]*?)\n```/g)].map(
  ([, command = "", text = ""]) => ({ command, text }),
);

function trimmed(text: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

describe("the page about topology", () => {
  const file = /```yaml\n# room\.yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";

  beforeAll(() => {
    folder.write("room.yaml", file.replace("rack: hall-rack", "room: hall"));
  });

  test("has a file with one mistake, which check names", async () => {
    folder.write("broken.yaml", file);
    const { code, err } = await rackstreet(["check", "broken.yaml"], at);
    expect(code).toBe(78);
    expect(trimmed(err).replaceAll("broken", "room")).toBe(shown[0]?.text);
  });

  test.each(shown.slice(1))("shows $command", async ({ command, text }) => {
    const { code, out } = await rackstreet(command.split(" "), at);
    expect(code).toBe(0);
    expect(trimmed(out)).toBe(text);
  });

  test("names every finding that there is, and no other", () => {
    const sources = ["findings", "flow-findings", "failure-findings", "protection"].map((name) =>
      readFileSync(join(root, `config/topology/${name}.ts`), "utf8"),
    );
    const rules = sources.flatMap((source) =>
      [...source.matchAll(/rule: "([a-z-]+)"/g)].map(([, rule = ""]) => rule),
    );
    const places = ["over-power", "over-cooling", "over-rated", "derated"];
    const table = page.slice(page.indexOf("## 7"));
    const named = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`([a-z-]+)`/g)].map(([, rule = ""]) => rule),
    );
    expect(named.toSorted()).toEqual([...new Set([...rules, ...places])].toSorted());
  });
});

describe("topology", () => {
  test("of the example has no errors, and draws a rack that is fed twice under both", async () => {
    const { code, out } = await rackstreet(["topology", example], at);
    expect(code).toBe(0);
    const power = out.slice(out.indexOf("\nPOWER"));
    expect(power).toContain("rack r01 (42 U, 8 kW) (also from pdu-r01-b)");
    expect(power).toContain("rack r01 (42 U, 8 kW) (also from pdu-r01-a)");
    expect(out.trimEnd().split("\n").at(-1)).toBe("0 errors, 0 warnings, 2 notes");
  });

  test("of one feed shows what is on it, and what is above that", async () => {
    const { out } = await rackstreet(["topology", example, "--feed", "B"], at);
    const power = out.slice(out.indexOf("\nPOWER"));
    expect(power).toMatch(/source grid[^]*breaker main-b[^]*pdu pdu-r01-b/);
    expect(power).not.toMatch(/breaker main-a|rack r08/);
  });

  test("with --check prints findings alone, and exits 65 for errors", async () => {
    const { code, out } = await rackstreet(["topology", "room.yaml", "--check"], at);
    expect(code).toBe(65);
    expect(out).not.toContain("POWER");
    expect(out).toMatch(/^ error +double-counted +pdu-2a/m);
    expect((await rackstreet(["topology", example, "--check"], at)).code).toBe(0);
  });

  test("with --json gives elements with sums and series to machines", async () => {
    const { code, out } = await rackstreet(["topology", example, "--json"], at);
    expect(code).toBe(0);
    const { site, elements, findings } = JSON.parse(out);
    expect(site).toBe("machine-room");
    expect(findings).toHaveLength(2);
    const byId = new Map(elements.map((one: { readonly id: string }) => [one.id, one]));
    expect(byId.get("r03")).toMatchObject({
      kind: "rack",
      place: "row-a",
      feeds: ["A", "B"],
      consumer: false,
      paper: { watts: 11_500 },
      measured: { basis: "legs", by: ["pdu-r03-a", "pdu-r03-b"], missing: [] },
      devices: ["pdu-r03-a", "pdu-r03-b"],
    });
    expect(byId.get("cb-a7")).toMatchObject({ phases: ["L1"], paper: { voltAmperes: 2500 } });
  });

  test.each([
    [["--at", "ro1"], 'no element ro1; did you mean "r01"?'],
    [["--feed", "C"], 'no feed C; did you mean "A"?'],
  ])("of %j says what there is, and exits 64", async (words, why) => {
    const { code, err } = await rackstreet(["topology", example, ...words], at);
    expect(code).toBe(64);
    expect(err).toContain(why);
  });

  test("of a configuration without one says so, and check counts findings", async () => {
    folder.write("none.yaml", "site: lab\n");
    const none = await rackstreet(["topology", "none.yaml"], at);
    expect(none.code).toBe(64);
    expect(none.err).toContain("none.yaml has no topology");
    const check = await rackstreet(["check", "room.yaml"], at);
    expect(check.out).toContain("warning: 4 findings; `rackstreet topology room.yaml` tells them");
  });
});
