/** `rackstreet check`: what a person sees for a good file, a bad one, and none at all. */
import { afterAll, describe, expect, test } from "vitest";
import { openFolder, rackstreet } from "./run.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());

const at = { cwd: folder.path };

describe("check", () => {
  test("says that a good file is good, and exits 0", async () => {
    folder.write("good.yaml", "site: lab\ndevices: {m: {driver: sim}}\n");
    const { code, out, err } = await rackstreet(["check", "good.yaml"], at);
    expect([code, out, err]).toEqual([0, "good.yaml: good (1 device, 0 rules)\n", ""]);
  });

  test("names line, column and the nearest key, and exits 78 without a stack", async () => {
    folder.write("bad.yaml", "site: lab\nagent:\n  intervall: 5s\n");
    const { code, out, err } = await rackstreet(["check", "bad.yaml"], at);
    expect([code, out]).toEqual([78, ""]);
    expect(err).toBe(
      "rackstreet: E_CONFIG: 1 mistake\n" +
        '  bad.yaml:3:3: agent.intervall: unknown key; did you mean "interval"?\n' +
        "  Fix the lines named; `rackstreet check FILE` checks without touching hardware.\n",
    );
  });

  test("with --json gives the same to machines", async () => {
    folder.write("bad.yaml", "agent:\n  intervall: 5s\n");
    const { code, out, err } = await rackstreet(["check", "bad.yaml", "--json"], at);
    expect([code, err]).toEqual([78, ""]);
    const complaint = { file: "bad.yaml", line: 2, column: 3, key: "agent.intervall" };
    const expected = { ok: false, complaints: [expect.objectContaining(complaint)] };
    expect(JSON.parse(out)).toEqual(expected);
  });

  test.each([
    ["is not there", "none.yaml", "none.yaml: is not there"],
    ["is a folder", ".", ".: is a folder, not a file"],
  ])("says of a file that %s just that, and exits 78", async (_what, name, why) => {
    const { code, err } = await rackstreet(["check", name], at);
    expect(code).toBe(78);
    expect(err).toBe(
      `rackstreet: E_CONFIG_UNREADABLE: ${why}\n  Check the path and its permissions.\n`,
    );
  });

  test("with --json, too, a file that is not there exits 78", async () => {
    const { code, err } = await rackstreet(["check", "none.yaml", "--json"], at);
    expect(code).toBe(78);
    expect(err).toContain("none.yaml: is not there");
  });

  test("never prints a secret, not even one that is a mistake", async () => {
    const users = "{a: {password: 19283746, role: agent}, b: {password: hunter2, role: boss}}";
    folder.write("secret.yaml", `broker: {users: ${users}}\n`);
    const { code, out, err } = await rackstreet(["check", "secret.yaml"], at);
    expect(code).toBe(78);
    expect(err).toContain("broker.users.a.password: must be ${NAME}, file:/path");
    expect(out + err).not.toMatch(/19283746|hunter2/);
  });
});
