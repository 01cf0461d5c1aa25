/** Child processes: every way in which a program can misbehave, and that none is left behind. */
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { StreamCall } from "../../../drivers/transport/program.ts";
import { programRunner, programStream } from "../../../drivers/transport/program.ts";
import { codeOf, never, realClock } from "../modbus/world.ts";

const run = programRunner(realClock);
const stream = programStream(realClock);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "program-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A clock whose time is up when a test says so. */
function handClock() {
  const due = new Set<() => void>();
  return {
    strike: () => [...due].forEach((run) => run()),
    after(_ms: number, run: () => void) {
      due.add(run);
      return { cancel: () => void due.delete(run) };
    },
  };
}

/** A program of our own; `$1` is where it may write. */
function sh(script: string, more: Readonly<Record<string, unknown>> = {}) {
  return { program: "/bin/sh", args: ["-c", script, "sh", folder], timeout: 20_000, ...more };
}

let files = 0;
function fresh(name: string): string {
  files += 1;
  return join(folder, `${name}-${files}`);
}

/** Process ids that a script wrote to a file, once there are so many. */
async function pidsIn(file: string, count: number): Promise<number[]> {
  const read = (): number[] =>
    readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map(Number);
  await vi.waitFor(() => expect(read()).toHaveLength(count), 10_000);
  return read();
}

/** None of them runs any more; a zombie whose parent has not looked yet does not. */
async function allGone(pids: readonly number[]): Promise<void> {
  await vi.waitFor(() => expect(pids.filter(runs)).toEqual([]), 10_000);
}

function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

describe("a program that ends", () => {
  it("gives its exit code, all its output and the end of what it said", async () => {
    const script = "printf 'one\\ntwo'; echo oops >&2; exit 3";
    expect(await run(sh(script), never)).toEqual({ exit: 3, output: "one\ntwo", said: "oops" });
  });

  it("has a bare environment, beside what it is given", async () => {
    vi.stubEnv("PROGRAM_TEST_SECRET", "mine");
    const call = sh("env", { environment: { GIVEN: "yes" } });
    const names = (await run(call, never)).output.split("\n").map((line) => line.split("=")[0]);
    vi.unstubAllEnvs();
    expect(
      names.filter((name) => !["PWD", "_", "SHLVL", "OLDPWD", ""].includes(name ?? "")),
    ).toEqual(expect.arrayContaining(["PATH", "LC_ALL", "GIVEN"]));
    expect(names).not.toContain("PROGRAM_TEST_SECRET");
  });

  it("is looked for where the administrator's programs are, too", async () => {
    const path = (await run(sh("echo $PATH"), never)).output.trim();
    expect(path.split(":")).toEqual(expect.arrayContaining(["/usr/sbin", "/sbin"]));
  });

  it("reads what it is given, and an end of it", async () => {
    const input = "secret\n".repeat(100_000);
    expect((await run(sh("wc -c", { input }), never)).output.trim()).toBe(`${input.length}`);
    expect((await run(sh("cat"), never)).output).toBe("");
  });

  it("need not read what it is given", async () => {
    const input = "x".repeat(4_000_000);
    expect(await run(sh("exec <&-; echo done", { input }), never)).toMatchObject({
      exit: 0,
      output: "done\n",
    });
  });

  it("keeps characters whole that come in pieces", async () => {
    const script = "printf '\\303'; sleep 0.05; printf '\\244\\n'";
    expect((await run(sh(script), never)).output).toBe("ä\n");
  });

  it("may say a lot: the end of it is kept", async () => {
    const script = "i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done >&2";
    const { said } = await run(sh(script), never);
    expect(said.length).toBeLessThanOrEqual(500);
    expect(said).toMatch(/4998\n4999$/);
  });

  it("leaves nothing: a child of its own that keeps the output open is killed", async () => {
    const file = fresh("pids");
    const script = `sleep 600 & echo $! >${file}; echo mine`;
    expect(await run(sh(script), never)).toMatchObject({ exit: 0, output: "mine\n" });
    await allGone(await pidsIn(file, 1));
  });

  it("gives no whole output while something that escaped holds it open", async () => {
    const file = fresh("pids");
    const daemon = `setsid sh -c 'echo $$ >${file}; exec sleep 600' &`;
    const script = `${daemon} until [ -s ${file} ]; do :; done`;
    const error = run(sh(script), never);
    await expect(error).rejects.toThrow(/keeps its output open/);
    const [escaped = 0] = await pidsIn(file, 1);
    process.kill(escaped, "SIGKILL");
    await allGone([escaped]);
  });
});

describe("a program that cannot be", () => {
  const missing = { args: [], timeout: 1000, package: "sometool" };

  it("is not there: the message names it and its package", async () => {
    const error = run({ ...missing, program: "no-such-program" }, never);
    await expect(error).rejects.toMatchObject({
      code: "E_PROGRAM_MISSING",
      message: "no-such-program is not there; install `sometool`",
    });
  });

  it("may not be run", async () => {
    const file = fresh("plain");
    await writeFile(file, "#!/bin/sh\n");
    await chmod(file, 0o644);
    const error = run({ ...missing, program: file }, never);
    await expect(error).rejects.toMatchObject({ code: "E_PROGRAM_MISSING" });
    await expect(error).rejects.toThrow(/may not be run/);
  });

  it("is no program", async () => {
    expect(await codeOf(run({ ...missing, program: "sh", args: ["a\0b"] }, never))).toBe(
      "E_PROGRAM",
    );
    expect(await codeOf(run({ ...missing, program: folder }, never))).toBe("E_PROGRAM_MISSING");
    const args = Array.from({ length: 30 }, () => "x".repeat(130_000));
    expect(await codeOf(run({ ...missing, program: "true", args }, never))).toBe("E_PROGRAM");
  });
});

describe("a program that does not end", () => {
  it("is killed with all it started when its time is over, whatever it ignores", async () => {
    const file = fresh("pids");
    const script = `trap '' TERM INT HUP; sleep 600 & echo $! >${file}; echo $$ >>${file}; wait`;
    const clock = handClock();
    const error = programRunner(clock)(sh(script, { timeout: 500 }), never);
    const code = codeOf(error);
    await vi.waitFor(() => readFileSync(file), 10_000);
    const pids = await pidsIn(file, 2);
    clock.strike();
    expect(await code).toBe("E_PROGRAM");
    await expect(error).rejects.toThrow("/bin/sh: did not end within 0.5 s");
    await allGone(pids);
  });

  it("is killed when its caller gives up", async () => {
    const file = fresh("pids");
    const abort = new AbortController();
    const error = codeOf(
      run(sh(`sleep 600 & echo $! $$ | tr ' ' '\\n' >${file}; wait`), abort.signal),
    );
    await vi.waitFor(() => readFileSync(file, "utf8"), 10_000);
    const pids = await pidsIn(file, 2);
    abort.abort();
    expect(await error).toBe("E_DISCONNECTED");
    await allGone(pids);
  });

  it("does not start for a caller who has given up already", async () => {
    const file = fresh("never");
    expect(await codeOf(run(sh(`echo >${file}`), AbortSignal.abort()))).toBe("E_DISCONNECTED");
    expect(() => readFileSync(file)).toThrow();
  });

  it("is killed when it prints more than it may", async () => {
    const file = fresh("pids");
    const error = run(sh(`echo $$ >${file}; exec yes`, { limit: 100_000 }), never);
    await expect(error).rejects.toMatchObject({
      code: "E_PROGRAM",
      message: "/bin/sh: printed more than 100000 bytes",
    });
    await allGone(await pidsIn(file, 1));
  });

  it("is told when somebody else killed it", async () => {
    const error = run(sh("kill -SEGV $$"), never);
    await expect(error).rejects.toMatchObject({
      code: "E_PROGRAM",
      message: "/bin/sh: was ended by SIGSEGV",
    });
  });

  it("is not started again while too many of it are killed and not gone", async () => {
    const run = programRunner(realClock);
    const abort = new AbortController();
    const many = Array.from({ length: 8 }, () => codeOf(run(sh("sleep 600"), abort.signal)));
    abort.abort();
    // What was killed is still there when its callers have their answer.
    expect(await Promise.all(many)).toEqual(Array.from({ length: 8 }, () => "E_DISCONNECTED"));
    await expect(run(sh("true"), never)).rejects.toThrow(/earlier runs of it were killed/);
    expect(await run({ program: "true", args: [], timeout: 5000 }, never)).toMatchObject({
      exit: 0,
    });
    const again = async (): Promise<void> =>
      expect(await run(sh("true"), never)).toMatchObject({ exit: 0 });
    await vi.waitFor(again, 10_000);
  });
});

describe("a program that runs on", () => {
  /** Its lines until one of them is `until`. */
  async function lines(script: string, until: string, more: Partial<StreamCall> = {}) {
    const got: string[] = [];
    const abort = new AbortController();
    const ended = stream(
      { ...sh(script), ...more },
      (line) => {
        got.push(line);
        if (line === until) abort.abort();
      },
      abort.signal,
    );
    const code = await codeOf(ended);
    return { got, code };
  }

  it("hands over each line as it comes, until it is given up", async () => {
    const file = fresh("pids");
    const says = "printf 'a\\r\\n\\nb'; sleep 0.05; printf 'c\\nd\\n'";
    const script = `echo $$ >${file}; ${says}; sleep 600`;
    expect(await lines(script, "d")).toEqual({ got: ["a", "", "bc", "d"], code: "E_DISCONNECTED" });
    await allGone(await pidsIn(file, 1));
  });

  it("tells how it ended by itself; a line without an end does not count", async () => {
    const got: string[] = [];
    const ended = await stream(
      sh("echo whole; printf torn; echo why >&2; exit 4"),
      (line) => got.push(line),
      never,
    );
    expect(ended).toEqual({ exit: 4, said: "why" });
    expect(got).toEqual(["whole"]);
  });

  it("is ended by a line that is too long, whole or not", async () => {
    const open = lines("while :; do printf xxxxxxxxxx; done", "", { longest: 50 });
    expect(await open).toEqual({ got: [], code: "E_PROGRAM" });
    const whole = lines("echo short; echo 0123456789; sleep 600", "", { longest: 8 });
    expect(await whole).toEqual({ got: ["short"], code: "E_PROGRAM" });
  });

  it("is ended by silence, which begins again with each output", async () => {
    const clock = handClock();
    const armed = vi.spyOn(clock, "after");
    const got: string[] = [];
    const call = { ...sh("echo one; sleep 0.05; echo two; sleep 600"), silence: 700 };
    const ended = programStream(clock)(call, (line) => got.push(line), never);
    const code = codeOf(ended);
    await vi.waitFor(() => expect(got).toEqual(["one", "two"]), 10_000);
    expect(armed.mock.calls.length).toBeGreaterThan(1);
    clock.strike();
    expect(await code).toBe("E_PROGRAM");
    await expect(ended).rejects.toThrow("/bin/sh: said nothing for 0.7 s");
  });

  it("is ended by what its listener throws", async () => {
    const file = fresh("pids");
    const error = stream(
      sh(`echo $$ >${file}; exec yes`),
      () => {
        throw new RangeError("enough");
      },
      never,
    );
    await expect(error).rejects.toThrow("enough");
    await allGone(await pidsIn(file, 1));
  });

  it("a flood does not wait in memory: lines are handed over piece by piece", async () => {
    let count = 0;
    const abort = new AbortController();
    const line = (): void => {
      count += 1;
      if (count === 1_000_000) abort.abort();
    };
    const code = await codeOf(stream({ program: "yes", args: [] }, line, abort.signal));
    expect(code).toBe("E_DISCONNECTED");
  });
});
