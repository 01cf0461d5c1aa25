/** The command line itself: help that works as it stands, and complaints that help. */
import { describe, expect, test } from "vitest";
import { usageProblem } from "../../cli/usage.ts";
import { rackstreet } from "./run.ts";

const commands = [
  "up",
  "agent",
  "hub",
  "check",
  "ports",
  "rules",
  "rules test",
  "rules backtest",
  "scan",
  "plan",
  "topology",
  "capacity",
  "capacity show",
  "capacity fit",
  "capacity queries",
  "read",
  "report",
  "set",
  "ask",
  "catalog",
  "catalog export",
  "password",
  "probe",
  "doctor",
  "query",
  "status",
  "audit",
  "alerts",
  "alerts ls",
  "alerts ack",
  "alerts shelve",
  "alerts unshelve",
  "alerts test",
  "store",
  "store init",
  "store backup",
  "store copy",
  "store retry",
  "store sql",
  "simulate",
  "spool",
  "profiles",
  "tenant",
  "tenant audit",
  "tenant ls",
  "tenant why",
  "tenant add",
  "enroll",
  "enroll token",
  "enroll ls",
  "enroll revoke",
  "federation",
  "federation ls",
  "config",
  "config explain",
  "config rules",
  "config dashboards",
  "config queries",
  "version",
];

describe("--help", () => {
  test("lists every command", async () => {
    const { code, out, err } = await rackstreet(["--help"]);
    expect([code, err]).toEqual([0, ""]);
    const [commandList = ""] = out.split("\nOptions:\n");
    const lines = commandList.matchAll(/^ {2}rackstreet ([a-z]+) .*$/gm);
    const listed = [...lines].map(([, name = ""]) => name);
    const all = commands.filter((command) => !command.includes(" "));
    expect(listed.toSorted()).toEqual(all.toSorted());
    expect(out).toContain("Exit codes: 0 done, 64 usage");
  });

  test.each(["", ...commands])("of `rackstreet %s` exits 0 and has an example", async (command) => {
    const words = command === "" ? [] : command.split(" ");
    const { code, out, err } = await rackstreet([...words, "--help"]);
    expect([code, err]).toEqual([0, ""]);
    const examples = out.slice(out.indexOf("\nExamples:\n") + 11);
    expect(examples).toMatch(new RegExp(`^  rackstreet ${words[0] ?? "up"} `));
    expect(Math.max(...out.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(100);
  });
});

describe("a command line that is not understood", () => {
  test.each([
    ["a misspelt command", ["chekc", "a.yaml"], 'no such command; did you mean "check"?'],
    ["an unknown command", ["xyzzy"], "no command xyzzy; there are up, agent, hub, check"],
    ["no command", [], "Name a command; --help lists them."],
    ["a misspelt command below", ["config", "explan"], 'did you mean "explain"?'],
    [
      "no command below",
      ["config"],
      "Name what to do: explain, example, rules, dashboards or queries.",
    ],
    ["a misspelt option", ["check", "a", "--jsn"], 'no option --jsn; did you mean "json"?'],
    ["an unknown option", ["check", "a", "--colour=red"], "no option --colour"],
    ["nothing to check", ["check"], "something is missing: rackstreet check <config>"],
    ["too much to check", ["check", "a", "b"], '"b" is too much: rackstreet check <config>'],
    [
      "a misspelt choice",
      ["query", "ups", "--aggregate", "men"],
      '--aggregate: must be one of count, sum, min, max, mean, first, last; did you mean "min"?',
    ],
    ["a time without unit", ["up", "a.yaml", "--for", "5"], '--for: "5" is not a duration; units'],
    ["two forms at once", ["query", "ups", "--json", "--csv"], "give either --json or --csv"],
    ["no device", ["read"], "name a device and its configuration (-c FILE), or give --profile"],
    ["no way to a device", ["read", "--profile", "xy-md02"], "give either --address or --port"],
    [
      "another protocol's address",
      ["read", "--profile", "xy-md02", "--address", "http://10.0.0.5"],
      "--address: write tcp://HOST:PORT or rtu+tcp://HOST:PORT",
    ],
    [
      "a unit that there cannot be",
      ["read", "--profile", "xy-md02", "--address", "tcp://10.0.0.5", "--unit", "999"],
      "--unit: must be a whole number from 0 to 255",
    ],
    [
      "a setting that the driver has not",
      ["read", "--profile", "mbus-heat-meter", "--address", "tcp://a:1", "--set", "primry=5"],
      '--set primry=5: write KEY=VALUE; did you mean "primary"?',
    ],
    [
      "a setting that cannot be",
      ["read", "--profile", "mbus-heat-meter", "--address", "tcp://a:1", "--set", "primary=300"],
      "--set primary: ",
    ],
    [
      "a setting that is missing",
      ["read", "--profile", "mbus-heat-meter", "--address", "tcp://a:1"],
      "give either `primary` (an address) or `secondary`",
    ],
  ])("with %s exits 64 and says what to do", async (_what, args, message) => {
    const { code, out, err } = await rackstreet(args);
    expect([code, out]).toEqual([64, ""]);
    expect(err).toContain("rackstreet: E_USAGE: ");
    expect(err).toContain(message);
    expect(err).not.toMatch(/\n\s+at /);
  });
});

describe("usageProblem", () => {
  test("leaves what it does not know as it is", () => {
    expect(usageProblem("The moon is full", { words: [], help: "" })).toBe("The moon is full");
  });

  test("tells of several unknown words at once", () => {
    const typed = { words: ["check", "--jsn", "b"], help: "rackstreet check <config>\n\n  --json" };
    expect(usageProblem("Unknown arguments: jsn, b", typed)).toBe(
      'no option --jsn; did you mean "json"?; "b" is too much: rackstreet check <config>',
    );
  });

  test("says which option lacks its value", () => {
    const typed = { words: ["up", "--for"], help: "" };
    expect(usageProblem("Not enough arguments following: for", typed)).toBe("--for needs a value");
  });
});
