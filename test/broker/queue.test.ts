/** Ingest's queues to the store: two writes at once, never two of the same device. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Ingest } from "../../broker/index.ts";
import type { WriteResult } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";
import { encodeBatch, GatewayError, parseTopic } from "../../telemetry/index.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

const stream = "edge.0123456789abcdef";

interface Write {
  readonly lines: readonly Line[];
  readonly end: (error?: GatewayError) => void;
}

function rig() {
  const clock = new VirtualClock();
  /** Writes under way. */
  const open: Write[] = [];
  const stored: Line[] = [];
  const write = (lines: readonly Line[]): Promise<WriteResult> => {
    const { promise, resolve, reject } = Promise.withResolvers<WriteResult>();
    const entry: Write = {
      lines,
      end: (error) => {
        open.splice(open.indexOf(entry), 1);
        if (error !== undefined) return reject(error);
        stored.push(...lines);
        resolve({ accepted: lines.length, rejected: [] });
      },
    };
    open.push(entry);
    return promise;
  };
  const ingest = new Ingest(
    {
      store: { title: "test", write },
      publish: () => Promise.resolve(),
      setAside: () => Promise.resolve(),
      observe: () => undefined,
    },
    { clock, entropy: new SeededEntropy(1), log: silentLog },
  );
  const take = (device: string, seq: number): void => {
    const topic = `rackstreet/v1/local/main/s/power/${device}/telemetry`;
    const points = [{ measurement: "thermal", fields: { temp_c: seq, q: 0 } }];
    const batch = { seq, time: 1_700_000_000_000 + seq, points, faults: [] };
    const parsed = parseTopic(topic);
    if (parsed === undefined) throw new Error(topic);
    ingest.take(topic, parsed, { payload: Buffer.from(encodeBatch(batch, stream, 1, {})) });
  };
  return { clock, ingest, open, stored, take };
}

function devicesOf({ lines }: Write): string[] {
  return [...new Set(lines.map(({ tags }) => tags["device"] ?? ""))];
}

const sends = fc.record({
  devices: fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 60 }),
  /** Which of the writes under way ends after each batch; there may be none at that place. */
  ends: fc.array(fc.nat(2), { minLength: 1, maxLength: 20 }),
});

test("a device's rows are never in two writes at once, and arrive in order", async () => {
  const property = fc.asyncProperty(sends, async ({ devices, ends }) => {
    const { clock, ingest, open, stored, take } = rig();
    for (const [index, device] of devices.entries()) {
      take(device, index + 1);
      await clock.advance(1);
      const busy = open.flatMap(devicesOf);
      expect(new Set(busy).size).toBe(busy.length);
      open[ends[index % ends.length] ?? 0]?.end();
      await clock.advance(1);
    }
    while (open.length > 0) {
      open[0]?.end();
      await clock.advance(1);
    }
    expect(stored).toHaveLength(devices.length);
    for (const device of devices) {
      const times = stored.flatMap(({ tags, time }) => (tags["device"] === device ? [time] : []));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
    await ingest[Symbol.asyncDispose]();
  });
  await fc.assert(property, { numRuns: 50 });
});

test("two writes at once; the store is up again when both have gone through", async () => {
  const { clock, ingest, open, take } = rig();
  take("a", 1);
  take("b", 2);
  await clock.advance(1);
  expect(open.map(devicesOf)).toEqual([["a"], ["b"]]);
  for (const write of open.toReversed()) write.end(new GatewayError("E_STORE_DOWN", "no"));
  await clock.advance(1);
  expect(ingest.counts.storeUp).toBe(false);
  await clock.advance(20_000);
  open[0]?.end();
  await clock.advance(1);
  expect(ingest.counts).toMatchObject({ storeUp: false, stored: 1, queued: 1 });
  open[0]?.end();
  await clock.advance(1);
  expect(ingest.counts).toMatchObject({ storeUp: true, stored: 2, queued: 0 });
  await ingest[Symbol.asyncDispose]();
});
