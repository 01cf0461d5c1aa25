/** The built file, as a user gets it: it starts without Node, keeps its word over kill -9. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "./house/tree.ts";
import { freePort } from "./ports.ts";
import { startRackstreet } from "./rackstreet.ts";
import { builtBinary } from "./setup/build.ts";

let binary: string;
let folder: string;

beforeAll(async () => {
  binary = await builtBinary();
  folder = await mkdtemp(join(tmpdir(), "rackstreet-binary-"));
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs it with an empty environment, away from the sources. */
async function bare(...args: readonly string[]) {
  const child = spawn(binary, [...args], { cwd: folder, env: {} });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code: Number(code), stdout, stderr };
}

async function siteFile(name: string, more: Record<string, unknown> = {}): Promise<string> {
  const port = await freePort();
  const file = join(folder, `${name}.json`);
  const config = {
    site: "binary",
    agent: { data: join(folder, name, "agent"), interval: "100ms" },
    hub: { data: join(folder, name, "hub") },
    broker: { listen: [`mqtt://127.0.0.1:${port}`] },
    store: { engine: "sqlite", path: join(folder, name, "store.sqlite") },
    devices: {
      sim: { driver: "sim", points: 2 },
      box: { driver: "host" },
      meter: { profile: "eastron-sdm630", simulate: true },
    },
    ...more,
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

describe("the binary", () => {
  test("says its version without Node, PATH or home", async () => {
    const { code, stdout } = await bare("version", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ binary: true, version: "0.1.0" });
  });

  test("names a misspelt key with its place and the nearest one, and exits 78", async () => {
    const file = join(folder, "bad.yaml");
    await writeFile(file, "site: x\nagent:\n  intervall: 5s\n");
    const { code, stderr } = await bare("check", file);
    expect(code).toBe(78);
    expect(stderr).toContain(
      `bad.yaml:3:3: agent.intervall: unknown key; did you mean "interval"?`,
    );
  });

  test("brings its examples along, and they are good", async () => {
    const { stdout: names } = await bare("config", "example");
    const files = await readdir(join(root, "config/examples"));
    const shipped = files.map((file) => file.replace(/\.yaml$/, ""));
    expect(names.trim().split("\n").toSorted()).toEqual(shipped.toSorted());
    for (const name of shipped) {
      const { stdout } = await bare("config", "example", name);
      await writeFile(join(folder, `${name}.yaml`), stdout);
      const { code, stderr } = await bare("check", join(folder, `${name}.yaml`));
      expect(code, `${name}: ${stderr}`).toBe(0);
    }
    expect((await bare("config", "example", "demmo")).code).toBe(64);
  });

  test("knows every profile, and what is no command", async () => {
    const { stdout } = await bare("profiles", "--json");
    expect(stdout).toContain('"eastron-sdm630"');
    expect((await bare("upp")).code).toBe(64);
  });

  test("runs the main job, and its last line adds up", async () => {
    const file = await siteFile("main");
    const { code, stdout, stderr } = await bare("up", file, "--for", "3s", "--json");
    expect(code, stderr).toBe(0);
    const ledger: unknown = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    expect(ledger).toMatchObject({
      queued: 0,
      shed: { full: 0, disk: 0, damaged: 0, large: 0 },
      devices: 3,
      firing: 0,
    });
    expect(ledger).toSatisfy(
      ({ offered, stored }: { offered: number; stored: number }) =>
        offered === stored && stored > 30,
    );
    const { stdout: rows } = await bare("query", "rack_phase", "-c", file, "--json");
    expect(JSON.parse(rows)).toHaveLength(2);
  });

  test("resumes after kill -9 with the same stream, and everything is stored", async () => {
    const file = await siteFile("kill");
    const first = startRackstreet(["up", file, "--json"], [binary]);
    await first.logged("first batch stored");
    await first.end("SIGKILL");
    const again = startRackstreet(["up", file, "--json"], [binary]);
    await again.logged("first batch stored");
    await again.end("SIGTERM");
    const ledger: unknown = JSON.parse(again.stdout().trim().split("\n").at(-1) ?? "");
    expect(ledger).toMatchObject({ queued: 0, shed: { damaged: 0 } });
  });

  test("two of them cannot share one spool", async () => {
    const file = await siteFile("twice");
    await using first = startRackstreet(["up", file, "--json"], [binary]);
    await first.logged("agent started");
    const { code, stderr } = await bare("agent", file);
    expect(code).toBe(78);
    expect(stderr).toMatch(/E_SPOOL_LOCKED|E_CONFIG/);
  });

  test("the agent beside a broker with users needs no password of its own", async () => {
    const users = { city: { password: "secret", role: "reader" } };
    const port = await freePort();
    const broker = { listen: [`mqtt://127.0.0.1:${port}`], users };
    const file = await siteFile("users", { broker });
    const { code, stdout, stderr } = await bare("up", file, "--for", "2s", "--json");
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ queued: 0 });
    expect(stderr).not.toContain("secret");
    expect(stderr).toContain("uplink connected");
  });
});
