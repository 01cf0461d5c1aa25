/** From messages to the store and `stored` back, under virtual time and a store that fails. */
import { describe, expect, test } from "vitest";
import type { SetAside } from "../../broker/index.ts";
import { Ingest } from "../../broker/index.ts";
import type { Store, WriteResult } from "../../store/index.ts";
import type { Code, Line, Log, WireBatch } from "../../telemetry/index.ts";
import {
  decodeStored,
  encodeBackfill,
  encodeBatch,
  GatewayError,
  parseTopic,
  streamNumber,
} from "../../telemetry/index.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";

const base = "rackstreet/v1/local/main/s/power/m";
const stream = "edge.0123456789abcdef";

function wireBatch(seq: number, points = 1): WireBatch {
  return {
    seq,
    time: 1_700_000_000_000 + seq,
    points: Array.from({ length: points }, (_, i) => ({
      measurement: "meter_phase",
      tags: { phase: `L${i}` },
      fields: { voltage_v: 230, q: 0 },
    })),
    faults: [],
  };
}

function live(batch: WireBatch): string {
  return encodeBatch(batch, stream, 1, { rack: "r1" });
}

/** `held`: what is set aside rests only when the test says so. */
function rig({ log = silentLog, held = false }: { log?: Log; held?: boolean } = {}) {
  const clock = new VirtualClock();
  const lines: Line[] = [];
  const writes: number[] = [];
  const asides: SetAside[] = [];
  const resting = Promise.withResolvers<void>();
  if (!held) resting.resolve();
  const answers: [topic: string, ranges: unknown][] = [];
  let failure: Code | undefined;
  let rejects: (line: Line) => string | undefined = () => undefined;
  const store: Pick<Store, "title" | "write"> = {
    title: "test",
    write(given): Promise<WriteResult> {
      if (failure !== undefined) return Promise.reject(new GatewayError(failure, "no"));
      writes.push(given.length);
      const rejected = given.flatMap((line, index) => {
        const reason = rejects(line);
        return reason === undefined ? [] : [{ index, reason }];
      });
      lines.push(...given);
      return Promise.resolve({ accepted: given.length - rejected.length, rejected });
    },
  };
  const ingest = new Ingest(
    {
      store,
      publish: (topic, payload) => {
        const decoded = decodeStored(Buffer.from(payload));
        answers.push([topic, "ok" in decoded ? decoded.ok.ranges : undefined]);
        return Promise.resolve();
      },
      setAside: (entry) => {
        asides.push(entry);
        return resting.promise;
      },
      observe: () => undefined,
    },
    { clock, entropy: new SeededEntropy(1), log },
  );
  const take = (kind: string, payload: string, agent?: string): void => {
    const topic = `${base}/${kind}`;
    const parsed = parseTopic(topic);
    if (parsed !== undefined) ingest.take(topic, parsed, { payload: Buffer.from(payload), agent });
  };
  return {
    clock,
    ingest,
    lines,
    writes,
    asides,
    answers,
    take,
    fail: (code: Code | undefined) => void (failure = code),
    reject: (rule: typeof rejects) => void (rejects = rule),
    rest: () => resting.resolve(),
    end: async () => {
      const ended = ingest[Symbol.asyncDispose]();
      await clock.advance(1);
      await ended;
    },
  };
}

describe("ingest", () => {
  test("stores with place, and reports the ranges to the agent that the stream names", async () => {
    const { clock, take, lines, answers, end } = rig();
    for (const seq of [1, 2, 4]) take("telemetry", live(wireBatch(seq)));
    await clock.advance(10);
    expect(lines[0]).toEqual({
      measurement: "meter_phase",
      tags: { region: "local", org: "main", site: "s", rack: "r1", device: "m", phase: "L0" },
      fields: { voltage_v: 230, q: 0, seq: 1, stream: streamNumber(stream) },
      time: 1_700_000_000_001,
    });
    const topic = "rackstreet/v1/local/main/s/agent/edge/stored";
    const ranges = answers.flatMap(([to, given]) => (to === topic ? [given] : []));
    expect(JSON.stringify(ranges)).toContain("4");
    expect(answers.every(([to]) => to === topic)).toBe(true);
    await end();
  });

  test("nothing is reported stored before the store says so", async () => {
    const { clock, take, answers, fail, ingest, end } = rig();
    fail("E_STORE_DOWN");
    take("telemetry", live(wireBatch(1)));
    await clock.advance(60_000);
    expect(answers).toEqual([]);
    expect(ingest.counts).toMatchObject({ received: 1, stored: 0, queued: 1, storeUp: false });
    fail(undefined);
    await clock.advance(20_000);
    expect(answers).toEqual([["rackstreet/v1/local/main/s/agent/edge/stored", [[1, 1]]]]);
    expect(ingest.counts).toMatchObject({ received: 1, stored: 1, queued: 0, storeUp: true });
    await end();
  });

  test("a database that needs a person is asked again, and nothing is given up", async () => {
    const { clock, take, fail, ingest, end } = rig();
    fail("E_STORE_CONFIG");
    take("telemetry", live(wireBatch(1)));
    await clock.advance(300_000);
    fail(undefined);
    await clock.advance(30_000);
    expect(ingest.counts).toMatchObject({ stored: 1, queued: 0 });
    await end();
  });

  test("a store that fails for another reason than before is said again, once each", async () => {
    const said: unknown[] = [];
    const error: Log["error"] = (_event, fields) => void said.push(fields?.["code"]);
    const { clock, take, fail, end } = rig({ log: { ...silentLog, error } });
    fail("E_STORE_DOWN");
    take("telemetry", live(wireBatch(1)));
    await clock.advance(60_000);
    fail("E_STORE_CONFIG");
    await clock.advance(60_000);
    expect(said).toEqual(["E_STORE_DOWN", "E_STORE_CONFIG"]);
    fail(undefined);
    await clock.advance(60_000);
    fail("E_STORE_CONFIG");
    take("telemetry", live(wireBatch(2)));
    await clock.advance(60_000);
    expect(said).toHaveLength(3);
    fail(undefined);
    await clock.advance(60_000);
    await end();
  });

  test("garbage is set aside, counted, and stops nothing", async () => {
    const { clock, take, asides, ingest, end } = rig();
    for (const bad of ["", "{", "[]", '{"v":2}', live(wireBatch(1)).replace(stream, "nobody")]) {
      take("telemetry", bad);
    }
    take("telemetry", live(wireBatch(2)));
    await clock.advance(10);
    expect(ingest.counts).toMatchObject({ garbage: 5, received: 1, stored: 1 });
    expect(asides).toHaveLength(5);
    await end();
  });

  test("an agent has nothing of another's reported stored", async () => {
    const { clock, take, answers, asides, ingest, end } = rig();
    take("telemetry", live(wireBatch(1)), "other");
    // What begins alike is another's all the same.
    take("telemetry", live(wireBatch(1)), "edg");
    await clock.advance(10);
    expect(answers).toEqual([]);
    expect(asides.map(({ reason }) => reason)).toEqual([
      "the stream is not agent other's",
      "the stream is not agent edg's",
    ]);
    take("telemetry", live(wireBatch(1)), "edge");
    await clock.advance(10);
    expect(answers).toHaveLength(1);
    expect(ingest.counts).toMatchObject({ garbage: 2, received: 1, stored: 1 });
    await end();
  });

  test("a batch that can never be stored is set aside and reported stored, once", async () => {
    const { clock, take, asides, answers, ingest, end } = rig();
    take("telemetry", live(wireBatch(7)).replace('"time":', '"time":-'));
    await clock.advance(10);
    expect(answers).toEqual([["rackstreet/v1/local/main/s/agent/edge/stored", [[7, 7]]]]);
    expect(asides[0]?.reason).toContain("time");
    expect(asides[0]).toMatchObject({ stream, seq: 7 });
    expect(ingest.counts).toMatchObject({ received: 1, refused: 1, stored: 0, queued: 0 });
    await end();
  });

  test("a point outside the register is set aside, the rest of its batch is stored", async () => {
    const { clock, take, asides, lines, ingest, end } = rig();
    take("telemetry", live(wireBatch(1, 2)).replace('"phase":"L1"', '"colour":"red"'));
    await clock.advance(10);
    expect(lines).toHaveLength(1);
    expect(asides[0]).toMatchObject({ reason: "meter_phase has no tag colour", stream, seq: 1 });
    expect(ingest.counts).toMatchObject({ stored: 1, points: 1, pointsRefused: 1 });
    await end();
  });

  test.each([
    ["refused by its form", '"time":', '"time":-'],
    ["with a point outside the register", '"phase":"L1"', '"colour":"red"'],
  ])("a batch %s is called stored once what was set aside rests", async (_name, good, bad) => {
    const { clock, take, answers, rest, end } = rig({ held: true });
    take("telemetry", live(wireBatch(1, 2)).replace(good, bad));
    await clock.advance(1000);
    expect(answers).toEqual([]);
    rest();
    await clock.advance(10);
    expect(answers).toEqual([["rackstreet/v1/local/main/s/agent/edge/stored", [[1, 1]]]]);
    await end();
  });

  test("so is a batch with a line that the store rejects", async () => {
    const { clock, take, reject, answers, rest, end } = rig({ held: true });
    reject(() => "type conflict");
    take("telemetry", live(wireBatch(1, 3)));
    await clock.advance(1000);
    expect(answers).toEqual([]);
    rest();
    await clock.advance(10);
    expect(answers).toHaveLength(1);
    await end();
  });

  test("a line that the store rejects is set aside, its batch is settled", async () => {
    const { clock, take, reject, asides, answers, ingest, end } = rig();
    reject(({ tags }) => (tags["phase"] === "L1" ? "type conflict" : undefined));
    take("telemetry", live(wireBatch(1, 3)));
    await clock.advance(10);
    const line = { measurement: "meter_phase", tags: { phase: "L1" } };
    expect(asides).toMatchObject([{ reason: "type conflict", stream, seq: 1, line }]);
    expect(answers).toHaveLength(1);
    expect(ingest.counts).toMatchObject({ points: 2, pointsRefused: 1, stored: 1 });
    await end();
  });

  test("one backfill message carries many batches", async () => {
    const { clock, take, answers, lines, end } = rig();
    const batches = Array.from({ length: 500 }, (_, i) => wireBatch(i + 1, 3));
    take("backfill", encodeBackfill(batches, stream, 1, {}));
    await clock.advance(10);
    expect(lines).toHaveLength(1500);
    expect(answers.at(-1)?.[1]).toEqual([[1, 500]]);
    await end();
  });

  test("live goes before backfill, which still gets its share", async () => {
    const { clock, take, fail, writes, lines, end } = rig();
    fail("E_STORE_DOWN");
    take("event", live(wireBatch(1)));
    await clock.advance(1);
    const old = Array.from({ length: 40 }, (_, i) => wireBatch(i + 1000, 250));
    take("backfill", encodeBackfill(old, stream, 1, {}));
    for (let seq = 2; seq < 40; seq += 1) take("telemetry", live(wireBatch(seq, 250)));
    fail(undefined);
    await clock.advance(20_000);
    expect(Math.max(...writes)).toBeLessThanOrEqual(5000);
    const second = lines.slice(1, 5001);
    const backfilled = second.filter(({ time }) => time >= 1_700_000_001_000).length;
    expect(backfilled).toBe(1250);
    expect(lines).toHaveLength(1 + 40 * 250 + 38 * 250);
    await end();
  });

  test("publishers are asked to wait, then what is too much is left to the resend", async () => {
    const { clock, take, fail, ingest, end } = rig();
    fail("E_STORE_DOWN");
    expect(ingest.room()).toBeUndefined();
    for (let seq = 1; seq <= 120; seq += 1) take("telemetry", live(wireBatch(seq, 1000)));
    await clock.advance(1);
    const { received, queued, overflow } = ingest.counts;
    expect(received).toBe(120);
    expect(overflow).toBeGreaterThan(10);
    expect(received).toBe(queued + overflow);
    let roomy = false;
    void ingest.room()?.then(() => (roomy = true));
    fail(undefined);
    await clock.advance(60_000);
    expect(roomy).toBe(true);
    expect(ingest.room()).toBeUndefined();
    await end();
  });
});
