/**
 * kill -9 of the hub in the middle of a backfill of hours: afterwards every batch it called stored
 * is stored, and every roll-up is what the stored rows say.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { describe, expect, test, vi } from "vitest";
import { v } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import type { Line, WireBatch } from "../../telemetry/index.ts";
import { decodeStored, encodeBackfill, RangeSet, rollupNames } from "../../telemetry/index.ts";
import type { Rackstreet } from "../rackstreet.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";
import { realPlatform } from "../store/rig.ts";
import { reference, rolledOf } from "../store/rollups/reference.ts";
import { SeededEntropy } from "../virtual.ts";

const minute = 60_000;
const stream = "tester.0123456789abcdef";
const topicOf = (kind: string): string => `rackstreet/v1/local/main/late/power/m1/${kind}`;
/** Batches in all, and in one message. */
const [batchCount, batchesAMessage] = [6000, 100];
const patience = { timeout: 60_000, interval: 50 };

/** Four hours of readings of a meter, that ended an hour ago; its count falls now and then. */
function batches(until: number): WireBatch[] {
  const chance = new SeededEntropy(3);
  let count = 1_000_000;
  return Array.from({ length: batchCount }, (_, index) => {
    count += chance.random() < 0.002 ? -50_000 : Math.floor(chance.random() * 9);
    const fields = {
      active_power_w: Math.floor(chance.random() * 8000) / 8,
      import_wh_total: count,
      q: chance.random() < 0.05 ? 2 : 0,
    };
    const time = until - (batchCount - index) * 2400;
    return { seq: index + 1, time, points: [{ measurement: "energy_meter", fields }], faults: [] };
  });
}

class Hub implements AsyncDisposable {
  readonly #folder: string;
  readonly #file: string;
  readonly url: string;
  readonly store: Store;
  process: Rackstreet;

  private constructor(folder: string, url: string, store: Store) {
    this.#folder = folder;
    this.#file = join(folder, "site.json");
    this.url = url;
    this.store = store;
    this.process = startRackstreet(["hub", this.#file]);
  }

  static async start(): Promise<Hub> {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-rollups-"));
    const url = `mqtt://127.0.0.1:${await freePort()}`;
    const path = join(folder, "store.sqlite");
    const config = {
      site: "late",
      hub: { data: join(folder, "hub"), health: "1h" },
      broker: { listen: [url] },
      store: { engine: "sqlite", path },
      rollups: { settle: "100ms" },
    };
    await writeFile(join(folder, "site.json"), JSON.stringify(config));
    const options = v.parse(storeOptions, { engine: "sqlite", path });
    return new Hub(folder, url, await openStore(options, realPlatform()));
  }

  async kill9(): Promise<void> {
    await this.process.end("SIGKILL");
    this.process = startRackstreet(["hub", this.#file]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.end("SIGKILL");
    await this.store[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Sends what is not stored yet until `enough` is, as an agent does. */
async function send(hub: Hub, given: readonly WireBatch[], stored: RangeSet, enough: number) {
  await hub.process.logged("hub started");
  const client = await connectAsync(hub.url, { reconnectPeriod: 0 });
  client.on("message", (_, payload) => {
    const decoded = decodeStored(payload);
    if ("ok" in decoded) for (const [from, to] of decoded.ok.ranges) stored.add(from, to);
  });
  await client.subscribeAsync("rackstreet/v1/local/main/late/agent/tester/stored", { qos: 1 });
  const waiting = given.filter(({ seq }) => !stored.has(seq));
  for (let at = 0; at < waiting.length && stored.size < enough; at += batchesAMessage) {
    const some = waiting.slice(at, at + batchesAMessage);
    await client.publishAsync(topicOf("backfill"), encodeBackfill(some, stream, 1, {}), { qos: 1 });
    const last = some.at(-1)?.seq ?? 0;
    await vi.waitFor(() => expect(stored.has(last), hub.process.stderr()).toBe(true), patience);
  }
  await client.endAsync(true);
}

async function rowsOf(store: Store, measurement: string): Promise<Line[]> {
  const found: Line[] = [];
  const span = { measurement, from: 0, to: Date.now() + 1000 };
  for await (const lines of store.scan(span, AbortSignal.timeout(30_000))) found.push(...lines);
  return found;
}

describe("kill -9 of the hub in a backfill", () => {
  test("leaves every roll-up what the rows say", async () => {
    await using hub = await Hub.start();
    const given = batches(Math.floor(Date.now() / minute) * minute - 60 * minute);
    const stored = new RangeSet();
    for (const enough of [900, 2300, 4000, batchCount]) {
      await send(hub, given, stored, enough);
      if (enough < batchCount) await hub.kill9();
    }
    const rows = await rowsOf(hub.store, "energy_meter");
    expect(rows).toHaveLength(batchCount);
    const wanted = reference(rows, rollupNames);
    await vi.waitFor(async () => {
      const names = rollupNames.map((name) => `energy_meter_${name}`);
      const rolled = await Promise.all(names.map((name) => rowsOf(hub.store, name)));
      expect(rolledOf(rolled.flat())).toEqual(wanted);
    }, patience);
    // A clean stop after that leaves nothing to do.
    await hub.process.end("SIGTERM");
  }, 180_000);
});
