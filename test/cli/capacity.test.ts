/** `rackstreet capacity` on a filled store; what the page about it shows is the program's. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fillStore } from "./capacity_store.ts";
import { openFolder, rackstreet, root } from "./run.ts";

const page = readFileSync(join(root, "docs/capacity.md"), "utf8");
const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());

const at = { cwd: folder.path };
const until = ["--until", "2025-03-29"];

/** What the page shows of each command, without the blanks that a table ends in. */
const shown = [...page.matchAll(/```console\n\$ rackstreet ([^\n]+)\n([\s\S]*?)\n?```/g)].map(
  ([, command = "", text = ""]) => ({ command, text }),
);

function trimmed(text: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

beforeAll(async () => {
  folder.write("hall.yaml", /```yaml\n# hall\.yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "");
  await fillStore(folder.path);
});

describe("the page about capacity", () => {
  test("has its file and its commands", () => {
    expect(shown.map(({ command }) => command.split(" ").slice(0, 2).join(" "))).toEqual([
      "capacity hall.yaml",
      "capacity fit",
    ]);
  });

  test.each(shown)("shows $command", async ({ command, text }) => {
    const { code, out, err } = await rackstreet(command.split(" "), at);
    expect([code, err]).toEqual([0, ""]);
    expect(trimmed(out)).toBe(text);
  });
});

describe("capacity", () => {
  test("as JSON says null for what is not known, and counts every watt once", async () => {
    const { code, out } = await rackstreet(["capacity", "hall.yaml", ...until, "--json"], at);
    expect(code).toBe(0);
    const told: unknown = JSON.parse(out);
    const r03 = { p95: null, peak: null, coverage: expect.closeTo(1 / 7) };
    expect(told).toMatchObject({
      from: "2025-03-22T00:00:00.000Z",
      to: "2025-03-29T00:00:00.000Z",
      onPaper: ["r03"],
      elements: expect.arrayContaining([
        expect.objectContaining({ element: "r01", basis: "legs", by: ["pdu-1a", "pdu-1b"] }),
        expect.objectContaining({ element: "r03", watts: expect.objectContaining(r03) }),
        expect.objectContaining({ element: "r03", headroom: null, forecast: null }),
        expect.objectContaining({
          element: "ups-a",
          by: ["pdu-1a", "pdu-2a", "pdu-3a"],
          failover: expect.objectContaining({ failure: { kind: "feed", name: "B" } }),
        }),
      ]),
    });
  });

  test("of one element shows what feeds it, and no other rack", async () => {
    const { out } = await rackstreet(["capacity", "hall.yaml", ...until, "--at", "r01"], at);
    expect(out).toMatch(/^ ups-a /m);
    expect(out).toMatch(/^ cb-1b /m);
    expect(out).not.toMatch(/^ (r02|cb-2a) /m);
  });

  test("of a time without rows knows nothing, and says so", async () => {
    const args = ["capacity", "hall.yaml", "--until", "2024-03-29", "--at", "r01"];
    const { code, out } = await rackstreet(args, at);
    expect(code).toBe(0);
    expect(out).toMatch(/^ r01 +rack +6 kW +\? +\? +\? +no data of pdu-1a, pdu-1b +\? /m);
  });

  test("with --check exits 65 for what fails in failover alone", async () => {
    const file = readFileSync(join(folder.path, "hall.yaml"), "utf8");
    folder.write("small.yaml", file.replace("12kVA", "6kVA"));
    const checked = await rackstreet(["capacity", "small.yaml", ...until, "--check"], at);
    expect(checked.code).toBe(65);
    const calm = await rackstreet(["capacity", "hall.yaml", ...until, "--check"], at);
    expect(calm.code).toBe(0);
  });

  test("fit exits 65 when no rack takes all", async () => {
    const args = ["capacity", "fit", "hall.yaml", ...until, "--power", "700W", "--count", "14"];
    const { code, out } = await rackstreet([...args, "--json"], at);
    expect(code).toBe(65);
    expect(JSON.parse(out)).toMatchObject({
      racks: [{ rack: "r01", takes: 1, room: { by: { element: "ups-a" } } }, {}, {}],
    });
  });

  test.each([
    [["--at", "r1"], 'no element r1; did you mean "r01"?'],
    [["--since", "1s"], "--since 1s: from 5m to 300d"],
    [["--coverage", "2"], "--coverage: must be a number from 0 to 1"],
  ])("with %j is refused with what to do", async (args, why) => {
    const { code, err } = await rackstreet(["capacity", "hall.yaml", ...args], at);
    expect(code).toBe(64);
    expect(err).toContain(why);
  });

  test("of a site without a topology names the page that begins one", async () => {
    folder.write("bare.yaml", "site: lab\n");
    const { code, err } = await rackstreet(["capacity", "bare.yaml"], at);
    expect(code).toBe(64);
    expect(err).toContain("docs/topology.md begins one");
  });
});
