/** `rackstreet config explain`, `profiles` and `version`: what there is, and what it means. */
import { describe, expect, test } from "vitest";
import { rackstreet } from "./run.ts";

describe("config explain", () => {
  test("says what one option means, its default and an example", async () => {
    const { code, out } = await rackstreet(["config", "explain", "agent.uplink.resend"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^agent\.uplink\.resend: .*backfill\.$/m);
    expect(out).toMatch(/^ {2}default: "15s"$/m);
    expect(out).toMatch(/^ {2}example: "15s"$/m);
  });

  test("lists what stands below an option", async () => {
    const { code, out } = await rackstreet(["config", "explain", "site"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}region: Whose hub it reports to\.$/m);
  });

  test("without a key lists the sections of a file", async () => {
    const { code, out } = await rackstreet(["config", "explain"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^\(the whole file\): .+\.$/m);
    for (const section of ["site", "agent", "hub", "broker", "store", "devices", "rules"]) {
      expect(out).toMatch(new RegExp(`^  ${section}: .+[.]$`, "m"));
    }
  });

  test.each(["devices.*", "devices.rack-meter"])("sees devices by any name: %s", async (key) => {
    const { code, out } = await rackstreet(["config", "explain", key]);
    expect(code).toBe(0);
    expect(out).toMatch(/^devices\..*: one of: What is read/m);
    expect(out).toMatch(/^ {2}unit: Unit identifier\.$/m);
  });

  test("says of an option what each driver means by it", async () => {
    const { out } = await rackstreet(["config", "explain", "devices.*.unit"]);
    expect(out).toMatch(/^devices\.\*\.unit: Unit identifier\.$/m);
    expect(out).toMatch(/^ {2}with umb: Device number\.$/m);
  });

  test("says how a secret is given", async () => {
    const { out } = await rackstreet(["config", "explain", "agent.uplink.password"]);
    expect(out).toMatch(/^ {2}secret: give \$\{ENVIRONMENT\} or file:\/path; never printed$/m);
  });

  test("with --json gives the same to machines", async () => {
    const { code, out } = await rackstreet(["config", "explain", "devices.*.unit", "--json"]);
    expect(code).toBe(0);
    const facts = { key: "devices.*.unit", about: "Unit identifier.", fallback: 1, secret: false };
    expect(JSON.parse(out)).toMatchObject(facts);
  });

  test.each([
    ["agent.spol.size", 'no option agent.spol; did you mean "spool"?'],
    ["brokr", 'no option brokr; did you mean "broker"?'],
    ["site.colour", "no option site.colour; known: region, org, name"],
    ["constructor", "no option constructor; known: site, agent"],
  ])("of %s, which is not there, exits 64 and hints", async (key, hint) => {
    const { code, out, err } = await rackstreet(["config", "explain", key]);
    expect([code, out]).toEqual([64, ""]);
    expect(err).toContain(`rackstreet: E_USAGE: ${hint}`);
  });
});

describe("profiles", () => {
  test("lists the products of one maker", async () => {
    const { code, out } = await rackstreet(["profiles", "EASTRON", "power"]);
    expect(code).toBe(0);
    const [head, ...rows] = out.trimEnd().split("\n");
    expect(head).toMatch(/profile +vendor +model +class +driver +confidence/);
    expect(rows.length).toBeGreaterThan(3);
    for (const row of rows) expect(row).toMatch(/^ ?eastron-/);
  });

  test("says so when there is none", async () => {
    const { code, out } = await rackstreet(["profiles", "acme", "nothing"]);
    expect([code, out]).toEqual([
      0,
      "no profile has acme and nothing; `rackstreet profiles` lists all\n",
    ]);
  });

  test("of a folder that is not there exits 78 and names it", async () => {
    const { code, err } = await rackstreet(["profiles", "--folder", "/nowhere"]);
    expect(code).toBe(78);
    expect(err).toContain("E_CONFIG_UNREADABLE: /nowhere: is not there");
  });
});

describe("version", () => {
  test("with --json tells version, commit, node and platform", async () => {
    const { code, out } = await rackstreet(["version", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      commit: expect.any(String),
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
      binary: false,
    });
  });

  test("reads as a line for people, and is what --version says", async () => {
    const [line, flag] = await Promise.all([rackstreet(["version"]), rackstreet(["--version"])]);
    expect(line.out).toMatch(/^rackstreet \d+\.\d+\.\d+\S* \(.+\), node v\d/);
    expect(line.out).toContain(` ${flag.out.trim()} `);
  });
});
