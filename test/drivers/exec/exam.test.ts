/** The exam of `exec` with programs of this machine, and the ways in which a run goes wrong. */
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Gate } from "../../../drivers/exec/gate.ts";
import { exec } from "../../../drivers/exec/index.ts";
import { driverExam } from "../../contract/driver.ts";
import { codeOf } from "../modbus/world.ts";
import { contextOf } from "../speaker.ts";

const never = new AbortController().signal;
const { execPath } = process;

const rows = [
  {
    measurement: "thermal",
    tags: { sensor: "inlet" },
    fields: { temp_c: { path: "$.temp", optional: true }, x_word: { path: "$.s", type: "text" } },
  },
];

const options = (command: readonly string[], more: object = {}) => ({ command, rows, ...more });

/** Prints a document, unless it is to be silent: then it says that it was asked, and stays. */
const program = (folder: string): string[] => [
  execPath,
  "-e",
  `const fs = require("node:fs");
   if (fs.existsSync(${JSON.stringify(join(folder, "silent"))})) {
     fs.writeFileSync(${JSON.stringify(join(folder, "asked"))}, "");
     setInterval(() => undefined, 1000);
   } else console.log('{"temp": 21.5, "s": "fine"}');`,
];

driverExam({
  name: "exec",
  kind: exec,
  async start() {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-exec-"));
    const silence = join(folder, "silent");
    const { rmSync, writeFileSync } = await import("node:fs");
    return {
      context: contextOf(),
      target: { id: "tool", options: options(program(folder)), profile: undefined },
      nowhere: {
        id: "tool",
        options: options(["/rackstreet/is/not/there"]),
        profile: undefined,
      },
      fallSilent: () => {
        writeFileSync(silence, "");
        return () => existsSync(join(folder, "asked"));
      },
      wake: () => rmSync(silence, { force: true }),
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
    };
  },
});

async function read(command: readonly string[], more: object = {}) {
  await using driver = exec.create(contextOf());
  const target = { id: "tool", options: options(command, more), profile: undefined };
  await using session = await driver.open(target);
  return await session.read(["default"], never);
}

const printing = (text: string): string[] => ["printf", "%s", text];

describe("exec", () => {
  it("no shell reads the arguments", async () => {
    const text = '{"temp": 1, "s": "$(id) `id` ; * | $HOME"}';
    const { points } = await read(printing(text));
    expect(points[0]?.fields).toEqual({ temp_c: 1, x_word: "$(id) `id` ; * | $HOME", q: 0 });
  });

  it("lines of key and value, and CSV", async () => {
    const lines = await read(printing("# a remark\ntemp: 20.5\ns: warm\n"), {
      format: "lines",
      separator: ":",
    });
    expect(lines.points[0]?.fields).toEqual({ temp_c: 20.5, x_word: "warm", q: 0 });
    const table = [{ ...rows[0], each: "$[*]", tags: { sensor: "@.name" } }];
    const fields = { temp_c: "@.t" };
    const csv = await read(printing('name,t\r\n"a, b",1\r\nc,-2.5\r\n'), {
      format: "csv",
      rows: table.map((row) => ({ ...row, fields })),
    });
    expect(csv.points.map(({ tags, fields }) => [tags?.["sensor"], fields["temp_c"]])).toEqual([
      ["a, b", 1],
      ["c", -2.5],
    ]);
  });

  it("it sees of the environment what is named, and runs where it is told", async () => {
    process.env["RACKSTREET_EXEC_SEEN"] = "yes";
    process.env["RACKSTREET_EXEC_HIDDEN"] = "yes";
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-exec-"));
    await writeFile(join(folder, "here"), "");
    const script = `console.log(JSON.stringify({ s: [process.env.RACKSTREET_EXEC_SEEN,
      process.env.RACKSTREET_EXEC_HIDDEN, require("node:fs").existsSync("here")].join() }))`;
    const more = { environment: ["RACKSTREET_EXEC_SEEN"], folder };
    const { points } = await read([execPath, "-e", script], more);
    expect(points[0]?.fields["x_word"]).toBe("yes,,true");
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    ["E_PROGRAM", ["false"], {}],
    ["E_PROGRAM", [execPath, "-e", "setInterval(() => undefined, 1000)"], { timeout: "200ms" }],
    ["E_PROGRAM", ["yes"], { maxOutput: "64KiB" }],
    ["E_PROGRAM", ["true"], { folder: "/rackstreet/is/not/there" }],
    ["E_PROGRAM_MISSING", ["rackstreet-is-not-there"], {}],
    ["E_PROGRAM_MISSING", ["rackstreet-is-not-there"], { folder: "/" }],
    ["E_DEVICE_FRAME", ["true"], {}],
    ["E_DEVICE_FRAME", printing("half a docum"), {}],
    ["E_DEVICE_FRAME", printing("no separator"), { format: "lines" }],
    ["E_DEVICE_FRAME", printing('a,b\n1,"'), { format: "csv" }],
    ["E_DEVICE_FRAME", printing("a,b\n1\n"), { format: "csv" }],
  ])("%s for %j %j", async (code, command, more) => {
    expect(await codeOf(read(command, more))).toBe(code);
  });

  it("a run that fails well is one", async () => {
    const script = `console.log('{"s":"bad"}'); process.exit(3)`;
    const { points } = await read([execPath, "-e", script], { exits: [0, 3] });
    expect(points[0]?.fields["x_word"]).toBe("bad");
  });

  it("refuses programs by a path that hangs on the place", () => {
    for (const name of ["../x", "./x", "a/b", "/usr/../bin/x", "..", ""]) {
      expect(exec.problems(options([name]))).not.toEqual([]);
    }
    expect(exec.problems(options(["/usr/bin/x"]))).toEqual([]);
    expect(exec.problems(options(["x"]))).toEqual([]);
  });

  it("the gate lets so many through, in order, and who gives up leaves no gap", async () => {
    const gate = new Gate(2);
    const order: number[] = [];
    const open = Promise.withResolvers<void>();
    const stop = new AbortController();
    const run = (number: number, signal: AbortSignal = never) =>
      gate.pass(async () => {
        order.push(number);
        await open.promise;
      }, signal);
    const all = [run(1), run(2), run(4)];
    const given = codeOf(run(3, stop.signal));
    stop.abort();
    expect(await given).toBe("E_DISCONNECTED");
    expect(order).toEqual([1, 2]);
    open.resolve();
    await Promise.all(all);
    expect(order).toEqual([1, 2, 4]);
  });
});
