/** Programs that run on: their lines, their end, and that nothing is left of them. */
import { describe, expect, test, vi } from "vitest";
import type { LineStream, StreamEnd } from "../../../drivers/nvidia/stream.ts";
import { streamOpener } from "../../../drivers/nvidia/stream.ts";
import { realPlatform } from "../../broker/platform.ts";

const patience = { timeout: 20_000, interval: 20 };

interface Heard {
  readonly stream: LineStream;
  readonly lines: string[];
  readonly ends: StreamEnd[];
}

function run(script: string, program = process.execPath): Heard {
  const lines: string[] = [];
  const ends: StreamEnd[] = [];
  const stream = streamOpener(realPlatform.clock)(
    { program, args: ["-e", script], package: "node" },
    { line: (line) => lines.push(line), end: (end) => ends.push(end) },
  );
  return { stream, lines, ends };
}

async function ended({ ends }: Heard): Promise<StreamEnd | undefined> {
  await vi.waitFor(() => expect(ends).toHaveLength(1), patience);
  return ends[0];
}

describe("a program that runs on", () => {
  test("its lines are whole, however they come; what is no whole line is none", async () => {
    const write = (text: string): string => `process.stdout.write(Buffer.from(${text}));`;
    const halves = "const b = Buffer.from('één\\r\\ntwee\\n\\nrest');";
    const heard = run(`${halves}${write("b.subarray(0, 1)")}${write("b.subarray(1)")}`);
    expect(await ended(heard)).toEqual({ exit: 0, said: "", error: undefined });
    expect(heard.lines).toEqual(["één", "twee", ""]);
  });

  test("its exit code and what it complained of are told", async () => {
    const heard = run("console.error('no card'); process.exitCode = 6;");
    expect(await ended(heard)).toMatchObject({ exit: 6, said: "no card" });
  });

  test("a line without end is cut off, with the program", async () => {
    const heard = run("setInterval(() => process.stdout.write('x'.repeat(50_000)), 1)");
    const end = await ended(heard);
    expect(end?.error).toMatchObject({ code: "E_PROGRAM" });
    expect(heard.lines).toEqual([]);
    await heard.stream.close();
  });

  test("one that is not there is an end, too", async () => {
    const end = await ended(run("", "/nowhere/tool"));
    expect(end?.error).toMatchObject({ code: "E_PROGRAM_MISSING" });
  });

  test("closed, it ends and tells nothing; closing again is harmless", async () => {
    const heard = run("console.log(process.pid); setInterval(() => undefined, 1e6)");
    await vi.waitFor(() => expect(heard.lines).toHaveLength(1), patience);
    await heard.stream.close();
    const alive = (): true => process.kill(Number(heard.lines[0]), 0);
    await vi.waitFor(() => expect(alive).toThrow("ESRCH"), patience);
    await heard.stream.close();
    expect(heard.ends).toEqual([]);
  });

  test("it is given no environment but PATH and a locale", async () => {
    vi.stubEnv("RACKSTREET_SECRET", "hidden");
    const heard = run("console.log(Object.keys(process.env).sort().join())");
    await ended(heard);
    vi.unstubAllEnvs();
    expect(heard.lines).toEqual(["LC_ALL,PATH"]);
  });
});
