/**
 * kill -9 of the agent while a device's counter wraps, is reset, or its meter is swapped: what is
 * stored goes on exactly, and its roll-ups add up to it. The device is a real Modbus server.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { profiles } from "../../config/profiles.gen.ts";
import { v } from "../../config/index.ts";
import type { Simulator } from "../../drivers/index.ts";
import { simulate } from "../../drivers/index.ts";
import type { Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import type { Rackstreet } from "../rackstreet.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";
import { realPlatform } from "../store/rig.ts";

const patience = { timeout: 30_000, interval: 100 };
const range = 2 ** 32;

class Site implements AsyncDisposable {
  readonly #folder: string;
  readonly #file: string;
  readonly simulator: Simulator;
  readonly store: Store;
  up: Rackstreet;

  private constructor(folder: string, file: string, parts: { simulator: Simulator; store: Store }) {
    this.#folder = folder;
    this.#file = file;
    this.simulator = parts.simulator;
    this.store = parts.store;
    this.up = startRackstreet(["up", file]);
  }

  static async start(): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-counters-"));
    const profile = profiles["generic-parking-counter"];
    const simulator = await simulate({ profile, listen: {}, clock: { now: Date.now } });
    const port = await freePort();
    const path = join(folder, "store.sqlite");
    const config = {
      site: "counters",
      agent: { data: join(folder, "agent"), interval: "100ms", uplink: { resend: "1s" } },
      hub: { data: join(folder, "hub") },
      broker: { listen: [`mqtt://127.0.0.1:${port}`] },
      store: { engine: "sqlite", path },
      rollups: { settle: "100ms" },
      devices: { gate: { profile: "generic-parking-counter", address: simulator.address } },
    };
    const file = join(folder, "site.json");
    await writeFile(file, JSON.stringify(config));
    const options = v.parse(storeOptions, { engine: "sqlite", path });
    return new Site(folder, file, { simulator, store: await openStore(options, realPlatform()) });
  }

  show(entries: number): void {
    this.simulator.set("parking", "main", { entries_total: entries });
  }

  /** Waits until the newest stored count is this one. */
  async stored(count: number): Promise<void> {
    await vi.waitFor(async () => {
      const query = { measurement: "parking", fields: ["entries_total"], from: 0, to: 4e12 };
      const [series] = await this.store.query(
        { ...query, aggregate: "last" },
        AbortSignal.timeout(9999),
      );
      expect(series?.rows[0]?.values["entries_total"], this.up.stderr()).toBe(count);
    }, patience);
  }

  /** The agent dies; meanwhile the device goes on to another count. */
  async killedWhile(entries: number): Promise<void> {
    await this.up.end("SIGKILL");
    this.show(entries);
    this.up = startRackstreet(["up", this.#file]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.up.end("SIGKILL");
    await this.store[Symbol.asyncDispose]();
    await this.simulator[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

describe("kill -9 of the agent", () => {
  test("while a counter wraps, and while its meter is swapped: the count goes on", async () => {
    await using site = await Site.start();
    const before = range - 100;
    site.show(before);
    await site.stored(before);
    await site.killedWhile(50);
    await site.stored(range + 50);
    site.show(3_000_000);
    await site.stored(range + 3_000_000);
    // More than the device can have counted since: another meter.
    await site.killedWhile(1_900_000);
    await vi.waitFor(() => site.up.logged("first batch stored"), patience);
    await site.stored(range + 3_000_000);
    site.show(1_900_007);
    await site.stored(range + 3_000_007);
    await site.up.end("SIGTERM");
  }, 120_000);
});
