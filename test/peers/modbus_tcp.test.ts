/**
 * Several requests outstanding against servers that nobody here wrote: pymodbus, libmodbus and
 * modbus-serial each take as many as are ever sent.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { simulate } from "../../drivers/modbus/simulator.ts";
import { widest } from "../../drivers/modbus/window.ts";
import { enough, lineTo, read, readMany } from "../drivers/modbus/asking.ts";
import { profileOf, realClock } from "../drivers/modbus/world.ts";
import { needsLibrary, needsPython } from "../peers.ts";
import { freePort } from "../ports.ts";

const hasPymodbus = needsPython("pymodbus, serial", "python3-pymodbus");
const hasLibmodbus = needsLibrary("libmodbus.so.5", "libmodbus5");

/** A server in Python that says when it serves. */
async function startServer(script: string, args: readonly string[]): Promise<AsyncDisposable> {
  const child = spawn("/usr/bin/python3", [join(import.meta.dirname, script), ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

interface Server {
  readonly name: string;
  readonly present: boolean;
  readonly start: (port: number) => Promise<AsyncDisposable>;
}

const servers: readonly Server[] = [
  {
    name: "pymodbus",
    present: hasPymodbus,
    start: (port) => startServer("modbus_server.py", ["tcp", `${port}`]),
  },
  {
    name: "libmodbus",
    present: hasLibmodbus,
    start: (port) => startServer("libmodbus_tcp.py", [`${port}`]),
  },
];

/** Patient: a server in Python on a busy machine is slow. */
const asked = { unit: 7, timeout: 5000, value: (at: number): number => 1000 + at };

/** Servers say that they serve a moment before they do. */
async function served(line: ReturnType<typeof lineTo>): Promise<void> {
  const served = async (): Promise<void> => expect(await read(line, 0, asked)).toBe("none");
  await vi.waitFor(served, { timeout: 10_000, interval: 50 });
}

describe.each(servers)("$name", ({ present, start }) => {
  it.skipIf(!present)("takes as many requests at once as are ever sent", async () => {
    const port = await freePort();
    await using _ = await start(port);
    await using line = lineTo(`tcp://127.0.0.1:${port}`);
    await served(line);
    expect(await readMany(line, 2 * enough, asked)).toEqual([]);
    expect(line.window.size).toBe(widest);
    expect(line.counts).toEqual({ connected: 1, late: 0, mixed: 0, resent: 0 });
  });
});

describe.skipIf(!hasLibmodbus)("libmodbus, which serves one client at a time", () => {
  it("is read again after it was killed and came back", async () => {
    const port = await freePort();
    await using line = lineTo(`tcp://127.0.0.1:${port}`);
    for (let life = 1; life <= 3; life += 1) {
      await using _ = await startServer("libmodbus_tcp.py", [`${port}`]);
      await served(line);
      expect(await readMany(line, 3, asked)).toEqual([]);
      expect(line.counts.connected).toBe(life);
    }
  });
});

describe("modbus-serial's server", () => {
  it("takes as many requests at once as are ever sent", async () => {
    const profile = profileOf({}, [
      { measurement: "thermal", tags: { sensor: "a" }, fields: { temp_c: { at: 0 } } },
    ]);
    await using server = await simulate({ profile, listen: {}, clock: realClock });
    for (let at = 0; at < 200; at += 1) server.poke("holding", at, 1000 + at);
    await using line = lineTo(server.address);
    expect(await readMany(line, enough, { ...asked, unit: 1 })).toEqual([]);
    expect(line.window.size).toBe(widest);
  });
});
