/** The two lanes under virtual time: what is sent when, on which topic. */
import { describe, expect, test } from "vitest";
import { Publisher } from "../../agent/publisher.ts";
import type { Message } from "../../agent/index.ts";
import { Spool } from "../../agent/index.ts";
import type { Range } from "../../telemetry/index.ts";
import { decodeMessage } from "../../telemetry/index.ts";
import { MemoryDisk, SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

async function rig(window = 4) {
  const clock = new VirtualClock();
  const platform = { clock, entropy: new SeededEntropy(1), log: silentLog };
  const limits = { agent: "edge", size: 1e6, segment: 65_536, commit: 0 };
  const spool = await Spool.open(limits, new MemoryDisk(), platform);
  const sent: Message[] = [];
  const waiting: (() => void)[] = [];
  let acknowledge = true;
  const publisher = new Publisher(
    spool,
    { window, resend: 1000 },
    {
      platform,
      send: (message) => {
        sent.push(message);
        if (acknowledge) return Promise.resolve();
        return new Promise((resolve) => waiting.push(resolve));
      },
    },
  );
  const read = async (device: string, value: number): Promise<void> => {
    const spooled = await spool.append({
      kind: "telemetry",
      address: { region: "local", org: "main", site: "s", class: "power", device },
      place: {},
      time: 1_700_000_000_000 + value,
      points: [{ measurement: "energy_meter", fields: { active_power_w: value, q: 0 } }],
      faults: [],
    });
    if (spooled !== undefined) publisher.offer(spooled);
  };
  const kinds = (): string[] => sent.map(({ topic }) => topic.split("/").slice(6).join("/"));
  const seqs = (kind: "telemetry" | "backfill"): number[] =>
    sent
      .filter(({ topic }) => topic.endsWith(`/${kind}`))
      .flatMap(({ payload }) => {
        const decoded = decodeMessage(Buffer.from(payload), kind);
        return "ok" in decoded ? decoded.ok.batches.map(({ seq }) => seq) : [];
      });
  const stored = (ranges: readonly Range[]): void => publisher.stored(ranges);
  const hold = (): void => {
    acknowledge = false;
  };
  const release = (): void => {
    acknowledge = true;
    for (const resolve of waiting.splice(0)) resolve();
  };
  return { clock, spool, publisher, sent, read, kinds, seqs, stored, hold, release };
}

describe("the publisher", () => {
  test("live: a batch goes out at once, retained, on telemetry", async () => {
    const { publisher, read, sent, kinds } = await rig();
    publisher.up();
    await read("a", 1);
    expect(kinds()).toEqual(["a/telemetry"]);
    expect(sent[0]?.retain).toBe(true);
    await publisher.close();
  });

  test("after a reconnect the newest of each device is live, the rest backfill", async () => {
    const { publisher, read, kinds, seqs, clock, stored } = await rig();
    for (const value of [1, 2, 3]) await read("a", value);
    await read("b", 4);
    await clock.advance(5000);
    publisher.up();
    await clock.advance(100);
    expect(seqs("telemetry")).toEqual([3, 4]);
    expect(seqs("backfill")).toEqual([1, 2]);
    expect(kinds().filter((kind) => kind.endsWith("backfill"))).toEqual(["a/backfill"]);
    stored([[1, 4]]);
    await clock.advance(10_000);
    expect(seqs("backfill")).toHaveLength(2);
    await publisher.close();
  });

  test("what is not reported stored is sent again, ever more seldom; then forgotten", async () => {
    const { publisher, read, seqs, clock, stored, spool } = await rig();
    publisher.up();
    await read("a", 1);
    await clock.advance(60_000);
    const tries = seqs("backfill").length;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(12);
    stored([[1, 1]]);
    await clock.advance(60_000);
    expect(seqs("backfill")).toHaveLength(tries);
    expect(spool.ledger).toMatchObject({ stored: 1, queued: 0 });
    await publisher.close();
  });

  test("what is stored is never sent again", async () => {
    const { publisher, read, seqs, clock, stored } = await rig();
    publisher.up();
    for (const value of [1, 2, 3]) {
      await read("a", value);
      stored([[value, value]]);
    }
    await clock.advance(30_000);
    expect(seqs("backfill")).toEqual([]);
    await publisher.close();
  });

  test("a full window holds live batches back, in order", async () => {
    const { publisher, read, seqs, hold, release, clock } = await rig(2);
    publisher.up();
    hold();
    for (const value of [1, 2, 3, 4, 5]) await read("a", value);
    expect(seqs("telemetry")).toEqual([1, 2]);
    release();
    await clock.advance(1);
    expect(seqs("telemetry")).toEqual([1, 2, 3, 4, 5]);
    await publisher.close();
  });

  test("state and meta: sent when they change and after each reconnect", async () => {
    const { publisher, sent } = await rig();
    publisher.retain("t/state", "online");
    expect(sent).toHaveLength(0);
    publisher.up();
    publisher.retain("t/state", "online");
    expect(sent.map(({ payload }) => payload)).toEqual(["online"]);
    publisher.down();
    publisher.retain("t/state", "offline");
    publisher.up();
    expect(sent.map(({ payload }) => payload)).toEqual(["online", "offline"]);
    await publisher.close();
  });

  test("a long backlog goes out in parcels, each when the one before is stored", async () => {
    const { publisher, read, seqs, clock, stored, spool } = await rig();
    for (let value = 1; value <= 4000; value += 1) await read("a", value);
    await clock.advance(5000);
    publisher.up();
    await clock.advance(0);
    const sizes = [seqs("backfill").length];
    for (let parcel = 0; parcel < 30; parcel += 1) {
      const sent = seqs("backfill").length;
      await clock.advance(400);
      expect(seqs("backfill")).toHaveLength(sent);
      stored([[1, sent]]);
      // It rests for as long as the parcel took.
      await clock.advance(399);
      expect(seqs("backfill")).toHaveLength(sent);
      await clock.advance(1);
      sizes.push(seqs("backfill").length - sent);
    }
    // The answers take all the same time: parcels grow, up to half a mebibyte.
    expect(sizes[0]).toBeLessThan(40);
    expect(Math.max(...sizes)).toBeGreaterThan(1000);
    expect(spool.ledger.queued).toBe(0);
    await publisher.close();
  });
});
