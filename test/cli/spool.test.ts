/** `rackstreet spool`: on spools made here, whole and damaged, and beside a running agent. */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { Spool } from "../../agent/index.ts";
import { openFolder as openDisk } from "../../cli/folder.ts";
import { batchOf, numbers, options } from "../agent/spool_rig.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";
import { root, openFolder, rackstreet } from "./run.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());
const at = { cwd: folder.path };

/** A spool of three segments with the numbers 1 to 60, of which 1 to 10 are settled. */
async function makeSpool(name: string): Promise<string> {
  const disk = await openDisk(join(folder.path, name, "spool"));
  const platform = { clock: new VirtualClock(), entropy: new SeededEntropy(3), log: silentLog };
  const spool = await Spool.open({ ...options, commit: 0 }, disk, platform);
  for (const seq of numbers(1, 60)) {
    await spool.append(batchOf(seq, seq % 20 === 0 ? "event" : "telemetry"));
  }
  spool.settle([[1, 10]]);
  await spool.close();
  return join(folder.path, name, "spool");
}

/** Damages one record that is settled, one that waits, and the tail. */
function damage(spool: string): void {
  const name = join(spool, "t-0000000000000001.seg");
  const bytes = readFileSync(name);
  for (const seq of [3, 15]) bytes.write("XXXX", bytes.indexOf(`"seq":${seq},`));
  bytes.write("RSP1 torn", bytes.length - 40);
  writeFileSync(name, bytes);
}

/** What a person sees, less what depends on the day. */
async function shown(args: readonly string[]): Promise<string> {
  const { code, out, err } = await rackstreet(["spool", ...args], at);
  const text = `$ rackstreet spool ${args.join(" ")}\n${out}${err}exit ${code}\n`;
  return text.replace(/^oldest .*/m, "oldest  AGE");
}

async function golden(name: string, commands: readonly (readonly string[])[]): Promise<void> {
  let text = "";
  for (const args of commands) text += `${await shown(args)}\n`;
  await expect(text).toMatchFileSnapshot(join(root, "test/golden/cli/spool", name));
}

describe("a whole spool", () => {
  test("is shown", async () => {
    await makeSpool("whole");
    const given = ["--folder", "whole"];
    await golden("whole.txt", [
      ["ls", ...given],
      ["ls", ...given, "--json"],
      ["verify", ...given],
      ["verify", ...given, "--json"],
      ["repair", ...given],
    ]);
  });

  test("is exported as it went on the wire, or as line protocol, to a new file only", async () => {
    const spool = await makeSpool("export");
    const given = ["export", "--folder", spool];
    const [waiting, all, lines] = await Promise.all([
      rackstreet(["spool", ...given], at),
      rackstreet(["spool", ...given, "--all"], at),
      rackstreet(["spool", ...given, "--all", "--format", "lp"], at),
    ]);
    const seqs = (text: string): number[] =>
      text
        .trimEnd()
        .split("\n")
        .map((line): number => JSON.parse(line).payload.seq)
        .toSorted((a, b) => a - b);
    expect(seqs(waiting.out)).toEqual(numbers(11, 60));
    expect(seqs(all.out)).toEqual(numbers(1, 60));
    expect([waiting.err, all.err]).toEqual(["exported 50 batches\n", "exported 60 batches\n"]);
    expect(JSON.parse(waiting.out.split("\n")[0] ?? "")).toMatchObject({
      topic: "rackstreet/v1/local/main/s/power/m/telemetry",
      payload: { v: 1, stream: expect.stringMatching(/^edge\./), tags: { rack: "r1" } },
    });
    const tags = "energy_meter,region=local,org=main,site=s,rack=r1,device=m";
    expect(lines.out).toContain(`${tags} active_power_w=1,q=0i 1700000000001\n`);
    expect(lines.out.trimEnd().split("\n")).toHaveLength(60);

    const file = join(folder.path, "out.ndjson");
    const first = await rackstreet(["spool", ...given, "--out", file], at);
    expect([first.code, first.out]).toEqual([0, ""]);
    expect(readFileSync(file, "utf8")).toBe(waiting.out);
    const again = await rackstreet(["spool", ...given, "--out", file], at);
    expect(again.code).toBe(75);
    expect(again.err).toContain("E_OUTPUT");
    expect(readFileSync(file, "utf8")).toBe(waiting.out);
  });
});

describe("a damaged spool", () => {
  test("is shown, repaired, and whole again", async () => {
    damage(await makeSpool("damaged"));
    const given = ["--folder", "damaged"];
    await golden("damaged.txt", [
      ["ls", ...given],
      ["verify", ...given],
      ["verify", ...given, "--json"],
      ["repair", ...given, "--dry-run"],
      ["repair", ...given, "--json", "--dry-run"],
      ["repair", ...given],
      ["verify", ...given],
      ["ls", ...given],
    ]);
  });

  test("gives its good batches, and counts the rest", async () => {
    damage(await makeSpool("hurt"));
    const { code, out, err } = await rackstreet(["spool", "export", "--folder", "hurt"], at);
    expect([code, out.trimEnd().split("\n").length]).toEqual([0, 49]);
    expect(err).toBe("exported 49 batches; skipped 3 damaged places\n");
  });

  test("without its checkpoint begins a new stream above all numbers", async () => {
    const spool = await makeSpool("lost");
    writeFileSync(join(spool, "checkpoint.json"), "{");
    await golden("checkpoint.txt", [
      ["ls", "--folder", "lost"],
      ["verify", "--folder", "lost"],
    ]);
    const { code, out } = await rackstreet(["spool", "repair", "--folder", "lost"], at);
    expect(code).toBe(0);
    expect(out).toMatch(/^checkpoint.json: damaged: begin stream edge\.[0-9a-f]{16}, 60 batches/);
    const whole = await rackstreet(["spool", "verify", "--folder", "lost"], at);
    expect(whole.code).toBe(0);
  });
});

describe("beside a running agent", () => {
  test("ls and verify change nothing, repair is refused, also by another path", async () => {
    const port = await freePort();
    const file = folder.write(
      "live.yaml",
      `site: lab
agent:
  data: ${join(folder.path, "live")}
  uplink: { url: "mqtt://127.0.0.1:${port}" }
  spool: { size: 8MiB, segment: 16KiB, commit: 5ms }
devices:
  a: { driver: sim, interval: 10ms }
  b: { driver: sim, interval: 10ms }
`,
    );
    await using agent = startRackstreet(["agent", join(folder.path, file)]);
    await agent.logged("agent started");
    const spool = join(folder.path, "live", "spool");
    const segments = (): string[] => readdirSync(spool).filter((name) => name.endsWith(".seg"));
    await vi.waitFor(() => expect(segments().length).toBeGreaterThan(3), { timeout: 20_000 });
    symlinkSync(join(folder.path, "live"), join(folder.path, "linked"));
    symlinkSync(spool, join(folder.path, "direct"));

    const ways = [["-c", file], ...["linked", "live/spool", "direct"].map((f) => ["--folder", f])];
    await Promise.all([
      ...[1, 2, 3].map(() => listed(file)),
      ...ways.map((way) => refused(way)),
      rackstreet(["spool", "verify", "-c", file], at).then(({ code, out }) => {
        expect(code, out).toBe(0);
      }),
    ]);
    expect(agent.log.filter(({ level }) => level === "error")).toEqual([]);
  }, 60_000);

  async function listed(file: string): Promise<void> {
    const { code, out, err } = await rackstreet(["spool", "ls", "-c", file, "--json"], at);
    expect([code, err]).toEqual([0, ""]);
    const seen = JSON.parse(out);
    expect(seen).toMatchObject({ checkpoint: "good", missing: 0 });
    expect(seen.segments.flatMap((one: { damaged: unknown[] }) => one.damaged)).toEqual([]);
    expect(seen.segments.length).toBeGreaterThan(3);
  }

  async function refused(way: readonly string[]): Promise<void> {
    const { code, err } = await rackstreet(["spool", "repair", ...way], at);
    expect(code, way.join(" ")).toBe(78);
    expect(err).toContain("E_SPOOL_LOCKED");
  }
});

describe("what is no spool", () => {
  test("is refused, and nothing is made there", async () => {
    mkdirSync(join(folder.path, "empty"));
    for (const [what, name] of [
      ["ls", "empty"],
      ["verify", "nowhere"],
      ["export", "empty"],
      ["repair", "nowhere"],
    ] as const) {
      const { code, err } = await rackstreet(["spool", what, "--folder", name], at);
      expect(code).toBe(64);
      expect(err).toContain(`E_USAGE: there is no spool in ${name}`);
    }
    expect(readdirSync(join(folder.path, "empty"))).toEqual([]);
    expect(statSync(join(folder.path, "nowhere"), { throwIfNoEntry: false })).toBeUndefined();
  });
});
