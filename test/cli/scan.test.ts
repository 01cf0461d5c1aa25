/** `rackstreet ports` and `rackstreet scan` as people type them, without any hardware. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { numbersIn } from "../../cli/number-lists.ts";
import { profiles } from "../../config/profiles.gen.ts";
import { simulate } from "../../drivers/index.ts";
import { realClock } from "../drivers/modbus/world.ts";
import { freePort } from "../ports.ts";
import { rackstreet } from "./run.ts";

describe("ports", () => {
  it("are listed on any machine, with what to do next", async () => {
    const { code, out } = await rackstreet(["ports"]);
    expect(code).toBe(0);
    expect(out).toMatch(/Plug in a USB adapter|Next: rackstreet scan --port/);
    const json = await rackstreet(["ports", "--json"]);
    expect(Array.isArray(JSON.parse(json.out))).toBe(true);
  });
});

describe("scan", () => {
  it.each<[string[], RegExp]>([
    [[], /give --port PORT or --address/],
    [["--port", "/dev/x", "--address", "tcp://10.0.0.1"], /give --port PORT or --address/],
    [["--port", "/dev/x", "--baud", "fast"], /--baud fast: write numbers/],
    [["--port", "/dev/x", "--parity", "mark"], /--parity mark: write some of none,even,odd/],
    [["--port", "/dev/x", "--units", "0-300"], /--units 0-300: write numbers from 1 to 247/],
    [["--port", "/dev/x", "--timeout", "5"], /--timeout/],
    [["--address", "10.0.0.0/8"], /at most a \/22/],
  ])("%j is refused", async (args, expected) => {
    const { code, err } = await rackstreet(["scan", ...args]);
    expect(code).toBe(64);
    expect(err).toMatch(expected);
  });

  it("says what is wrong with a port that is not there", async () => {
    const { code, err } = await rackstreet(["scan", "--port", "/dev/rackstreet-none"]);
    expect(code).toBe(75);
    expect(err).toMatch(/E_SERIAL_MISSING/);
  });

  it("finds a device on a network and writes what reads it", async () => {
    const profile = profiles["eastron-sdm630"];
    await using meter = await simulate({ profile, listen: {}, clock: realClock, unit: 9 });
    meter.set("meter_phase", "L1", { voltage_v: 230.5 });
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-scan-"));
    const out = join(folder, "site.yaml");
    const closed = `tcp://127.0.0.1:${await freePort()}`;
    const where = ["--address", meter.address, "--address", closed, "--units", "1-12"];
    const scan = await rackstreet(["scan", ...where, "--out", out]);
    expect(scan.err).toBe("");
    expect(scan.out).toMatch(/sdm630-127-0-0-1-9 .* 9 .* eastron-sdm630 +certain/);
    expect(scan.out).toMatch(/2 hosts asked in \d+ s, 1 of them closed\./);
    expect(scan.out).toContain(`Next: rackstreet check ${out} && rackstreet read sdm630-127`);
    const check = await rackstreet(["check", out]);
    expect(check.out).toBe(`${out}: good (1 device, 0 rules)\n`);
    const read = await rackstreet(["read", "sdm630-127-0-0-1-9", "-c", out]);
    expect(read.out).toMatch(/L1 +voltage_v +230\.5/);
    await rm(folder, { recursive: true });
  });
});

describe("lists of numbers", () => {
  it.each<[string, number[] | undefined]>([
    ["1-4", [1, 2, 3, 4]],
    ["9, 1-3,2", [9, 1, 2, 3]],
    ["247", [247]],
    ["", undefined],
    ["1-", undefined],
    ["5-3", undefined],
    ["0", undefined],
    ["248", undefined],
    ["1,x", undefined],
    ["-3", undefined],
  ])("%j is %j", (text, expected) => {
    const parse = (): number[] => numbersIn("units", text, [1, 247]);
    if (expected === undefined) expect(parse).toThrow("--units");
    else expect(parse()).toEqual(expected);
  });
});
