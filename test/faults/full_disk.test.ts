/**
 * A disk that is really full (a small tmpfs): the agent sheds the oldest and counts it, starts
 * again on the full disk, and everything that it kept arrives.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { isRecord } from "../../telemetry/index.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";

const patience = { timeout: 60_000, interval: 100 };

/** Mounting takes root; where that is not to be had, one line says so. */
function mayMount(): boolean {
  const may = process.getuid?.() === 0 && spawnSync("mount", ["--version"]).status === 0;
  if (!may) console.warn("skipped: a full disk is a tmpfs here, and mounting it takes root");
  return may;
}

function ledgerOf(stdout: string): Record<string, unknown> {
  const value: unknown = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
  return isRecord(value) ? value : {};
}

/** Batches that rest in the store: each is one row of one of these. */
async function batchesIn(file: string): Promise<number> {
  let count = 0;
  for (const [measurement, ...where] of [
    ["rack_phase", "--where", "phase=L1"],
    ["device_event"],
    ["agent_health"],
  ]) {
    const args = ["query", measurement ?? "", ...where, "-c", file, "--by", "device"];
    const query = startRackstreet([...args, "--aggregate", "count", "--field", "q", "--json"]);
    expect(await query.ended(), query.stderr()).toBe(0);
    const series: { rows: { counts: { q: number } }[] }[] = JSON.parse(query.stdout());
    count += series.flatMap(({ rows }) => rows).reduce((sum, row) => sum + row.counts.q, 0);
  }
  return count;
}

describe.skipIf(!mayMount())("a full disk", () => {
  let folder: string;
  let disk: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "rackstreet-full-"));
    disk = await mkdtemp(join(tmpdir(), "rackstreet-disk-"));
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", disk]);
    expect(mounted.status, mounted.stderr.toString()).toBe(0);
  });

  afterAll(async () => {
    spawnSync("umount", ["-l", disk]);
    await rm(disk, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  });

  test("costs the oldest, counted; the rest is stored, also after a restart", async () => {
    const port = await freePort();
    const file = join(folder, "site.json");
    const device = { driver: "sim", points: 30, interval: "20ms" };
    const config = {
      site: "full",
      agent: {
        data: join(disk, "agent"),
        uplink: { url: `mqtt://127.0.0.1:${port}` },
        spool: { size: "1GiB", segment: "1MiB" },
      },
      hub: { data: join(folder, "hub") },
      broker: { listen: [`mqtt://127.0.0.1:${port}`] },
      store: { engine: "sqlite", path: join(folder, "store.sqlite") },
      devices: { a: device, b: device, c: device },
    };
    await writeFile(file, JSON.stringify(config));

    const lonely = startRackstreet(["agent", file, "--json"]);
    await vi.waitFor(() => {
      expect(lonely.log.filter(({ msg }) => msg === "batches shed").length).toBeGreaterThan(2);
    }, patience);
    await lonely.end("SIGTERM");
    const before = ledgerOf(lonely.stdout());
    expect(before["stored"]).toBe(0);

    await using hub = startRackstreet(["hub", file]);
    await hub.logged("hub started");
    // Without devices the agent has nothing to do but to bring what it kept.
    await writeFile(file, JSON.stringify({ ...config, devices: {} }));
    const again = startRackstreet(["agent", file, "--json"]);
    await again.logged("uplink connected");
    await vi.waitFor(async () => {
      const status = startRackstreet(["status", "-c", file, "--json"]);
      expect(await status.ended(), status.stderr()).toBe(0);
      expect(status.stdout()).toContain('"queued_count":0,"shed_full');
    }, patience);
    await again.end("SIGTERM");
    const { offered, stored, queued, shed } = ledgerOf(again.stdout());
    const disked = isRecord(shed) ? Number(shed["disk"]) : Number.NaN;
    expect(shed).toMatchObject({ full: 0, damaged: 0, large: 0 });
    expect(disked).toBeGreaterThan(0);
    expect(queued).toBe(0);
    expect(offered).toBe(Number(stored) + disked);
    expect(await batchesIn(file)).toBe(stored);
  }, 120_000);
});
