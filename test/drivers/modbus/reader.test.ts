/**
 * What a session learns from a device that refuses addresses or falls silent.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Memory } from "../../../drivers/contract.ts";
import { serialTiming } from "../../../drivers/modbus/cost.ts";
import { Learned } from "../../../drivers/modbus/learned.ts";
import { AnswerTimes } from "../../../drivers/modbus/answer-times.ts";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import { ModbusException, placeOf } from "../../../drivers/modbus/pdu.ts";
import type { PlanLimits } from "../../../drivers/modbus/plan.ts";
import { BlockReader } from "../../../drivers/modbus/reader.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { VirtualClock } from "../../virtual.ts";
import { memoryOf } from "./memory.ts";
import { codeOf, never } from "./world.ts";

const limits: PlanLimits = {
  maxRegisters: 125,
  minRegisters: 1,
  maxBits: 2000,
  gap: 10,
  bitGap: 160,
  even: false,
  forbid: [],
};

const at = (address: number, count = 1): Span => ({ table: "holding", at: address, count });

/** So quick that reading across ten registers costs what a request costs. */
const timing = {
  ...serialTiming({ baud: 9600, parity: "none", dataBits: 8, stopBits: 1 }),
  think: 0,
};

interface Rig {
  readonly limits?: Partial<PlanLimits>;
  /** All that is ever asked for, for what is remembered. */
  readonly spans?: readonly Span[];
  readonly memory?: Memory;
  readonly unit?: number;
  /** Says no to a request that is otherwise legal. */
  readonly refuses?: (span: Span) => boolean;
  /** What it says no with; undefined: it says nothing. */
  readonly exception?: number | undefined;
}

/** A device that answers exception 2 to every request that touches an illegal register. */
function deviceWith(isLegal: (address: number) => boolean, rig: Rig = {}) {
  const asked: string[] = [];
  const refused: string[] = [];
  const clock = new VirtualClock();
  const answers: { isLegal: typeof isLegal; failure?: GatewayError } = { isLegal };
  const { spans = [], memory, unit = 1, refuses = () => false } = rig;
  const ruled = { ...limits, ...rig.limits };
  const reader = new BlockReader({
    limits: ruled,
    learned: new Learned({ spans, limits: ruled, unit, clock, memory }),
    times: new AnswerTimes(timing),
    request: (span) => {
      asked.push(`${span.at}+${span.count}`);
      if (answers.failure !== undefined) return Promise.reject(answers.failure);
      const addresses = Array.from({ length: span.count }, (_, index) => span.at + index);
      if (addresses.every((address) => answers.isLegal(address)) && !refuses(span)) {
        return Promise.resolve(Uint16Array.from(addresses));
      }
      refused.push(`${span.at}+${span.count}`);
      const silent = "exception" in rig && rig.exception === undefined;
      const exception = new ModbusException(rig.exception ?? 2, placeOf(span));
      return Promise.reject(silent ? new GatewayError("E_MODBUS_TIMEOUT", "silent") : exception);
    },
  });
  const read = async (spans: readonly Span[]) => {
    asked.length = 0;
    refused.length = 0;
    const { words, faults } = await reader.read(spans, never);
    for (const [span, got] of words) {
      expect([...got]).toEqual(Array.from({ length: span.count }, (_, index) => span.at + index));
    }
    return {
      read: spans.filter((span) => words.has(span)).map(({ at }) => at),
      faults,
      asked: [...asked],
    };
  };
  return { read, reader, clock, answers, refused };
}

describe("a device that refuses addresses", () => {
  it("a hole: found once, never read across again", async () => {
    const device = deviceWith((address) => address !== 2);
    const wanted = [at(0), at(1), at(3), at(4)];
    expect(await device.read(wanted)).toEqual({
      read: [0, 1, 3, 4],
      faults: [],
      // The last asks whether it was the hole or the length.
      asked: ["0+5", "0+2", "3+2", "1+3"],
    });
    expect((await device.read(wanted)).asked).toEqual(["0+2", "3+2"]);
  });

  it("a block too long whose half has a hole is asked for once", async () => {
    const wanted = [at(0, 4), at(3, 2), at(0, 1)];
    const refuses = ({ count }: Span): boolean => count > 4;
    const device = deviceWith(() => true, { limits: { gap: 0 }, spans: wanted, refuses });
    expect((await device.read(wanted)).asked).toContain("0+5");
    expect((await device.read(wanted)).asked).toEqual(["0+4", "3+2"]);
  });

  it("a question about a hole that is not answered costs no value", async () => {
    const silent = new GatewayError("E_MODBUS_TIMEOUT", "silent");
    const device = deviceWith((address) => address !== 2, {
      refuses: (span) => {
        if (span.at === 3) device.answers.failure = silent;
        return false;
      },
    });
    expect(await device.read([at(0), at(1), at(3), at(4)])).toEqual({
      read: [0, 1, 3, 4],
      faults: [],
      asked: ["0+5", "0+2", "3+2", "1+3"],
    });
  });

  it("an illegal register: a fault, left alone, asked for again after a quarter hour", async () => {
    const device = deviceWith((address) => address !== 0x10);
    const wanted = [at(0x0f), at(0x10), at(0x11)];
    const fault = { code: "E_MODBUS_EXCEPTION", at: "holding 0x0010" };
    expect(await device.read(wanted)).toMatchObject({ read: [0x0f, 0x11], faults: [fault] });
    expect(await device.read(wanted)).toEqual({
      read: [0x0f, 0x11],
      faults: [fault],
      asked: ["15+1", "17+1"],
    });
    await device.clock.advance(15 * 60_000);
    expect((await device.read(wanted)).asked).toEqual(["15+1", "17+1", "16+1"]);
    expect((await device.read(wanted)).asked).toEqual(["15+1", "17+1"]);
    device.answers.isLegal = () => true;
    await device.clock.advance(15 * 60_000);
    expect(await device.read(wanted)).toMatchObject({ read: [0x0f, 0x10, 0x11], faults: [] });
    expect((await device.read(wanted)).asked).toEqual(["15+3"]);
  });

  it("neighbours that are refused are one fault", async () => {
    const device = deviceWith((address) => address < 4);
    const wanted = [at(0), at(4, 2), at(6, 2), at(8, 2)];
    const { faults } = await device.read(wanted);
    expect(faults).toEqual([{ code: "E_MODBUS_EXCEPTION", at: "holding 0x0004" }]);
  });

  it("everything: throws, and believes nothing of it", async () => {
    const device = deviceWith(() => false);
    const wanted = [at(0), at(1)];
    expect(await codeOf(device.read(wanted))).toBe("E_MODBUS_EXCEPTION");
    device.answers.isLegal = () => true;
    expect((await device.read(wanted)).asked).toEqual(["0+2"]);
  });

  it("whatever it refuses, all that is legal is read, and what was learned stays", async () => {
    const registers = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), {
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(registers, registers, async (places, refused) => {
        const legal = (address: number): boolean => !refused.includes(address);
        const device = deviceWith(legal);
        const wanted = places.map((place) => at(place));
        const expected = places.filter(legal);
        if (expected.length === 0) return;
        for (let round = 0; round < 4; round += 1) {
          const { read, asked } = await device.read(wanted);
          expect(read).toEqual(expected);
          expect(asked.length).toBeLessThanOrEqual(3 * places.length);
        }
        const settled = await device.read(wanted);
        expect((await device.read(wanted)).asked).toEqual(settled.asked);
      }),
    );
  });
});

describe("a device that falls silent", () => {
  const silent = new GatewayError("E_MODBUS_TIMEOUT", "silent");
  const wanted = [at(0), at(100), at(200), at(300)];

  it("from the start: throws after one request", async () => {
    const device = deviceWith(() => true);
    device.answers.failure = silent;
    expect(await codeOf(device.read(wanted))).toBe("E_MODBUS_TIMEOUT");
  });

  it("half-way: gives what it has, and asks twice more at most", async () => {
    const device = deviceWith((address) => {
      if (address === 0) device.answers.failure = silent;
      return true;
    });
    expect(await device.read(wanted)).toEqual({
      read: [0],
      asked: ["0+1", "100+1", "200+1"],
      faults: [
        { code: "E_MODBUS_TIMEOUT", at: "holding 0x0064" },
        { code: "E_MODBUS_TIMEOUT", at: "holding 0x00c8" },
        { code: "E_MODBUS_TIMEOUT", at: "holding 0x012c" },
      ],
    });
  });
});

describe("a hole that gets no answer", () => {
  const wanted = [at(0), at(1), at(5), at(6)];

  it("is not read across from the next read on, and tried again after a quarter hour", async () => {
    const device = deviceWith((address) => address !== 3, { exception: undefined });
    expect(await codeOf(device.read(wanted))).toBe("E_MODBUS_TIMEOUT");
    expect(await device.read(wanted)).toEqual({
      read: [0, 1, 5, 6],
      faults: [],
      asked: ["0+2", "5+2"],
    });
    await device.clock.advance(15 * 60_000);
    expect(await codeOf(device.read(wanted))).toBe("E_MODBUS_TIMEOUT");
    await device.clock.advance(29 * 60_000);
    expect((await device.read(wanted)).asked).toEqual(["0+2", "5+2"]);
  });

  it("is none when the device was just away, however long", async () => {
    const device = deviceWith(() => true);
    device.answers.failure = new GatewayError("E_MODBUS_TIMEOUT", "silent");
    for (let poll = 0; poll < 200; poll += 1) {
      expect(await codeOf(device.read(wanted))).toBe("E_MODBUS_TIMEOUT");
      await device.clock.advance(60 * 60_000);
    }
    delete device.answers.failure;
    await device.read(wanted);
    await device.clock.advance(15 * 60_000);
    expect((await device.read(wanted)).asked).toEqual(["0+7"]);
  });

  it("is none when it was read across before: a lost answer says nothing", async () => {
    const device = deviceWith(() => true);
    expect((await device.read(wanted)).asked).toEqual(["0+7"]);
    device.answers.failure = new GatewayError("E_MODBUS_TIMEOUT", "silent");
    expect(await codeOf(device.read(wanted))).toBe("E_MODBUS_TIMEOUT");
    delete device.answers.failure;
    expect((await device.read(wanted)).asked).toEqual(["0+7"]);
  });
});

describe("a device that gives less at once than its profile says", () => {
  const wanted = Array.from({ length: 60 }, (_, index) => at(2 * index, 2));
  const shorter = (most: number) => (span: Span) => span.count > most;

  it.each([[2], [3]])("with exception %i: how much is found in a few polls", async (exception) => {
    const device = deviceWith(() => true, { refuses: shorter(50), exception });
    let refusals = 0;
    for (let poll = 0; poll < 8; poll += 1) {
      expect((await device.read(wanted)).read).toHaveLength(wanted.length);
      refusals += device.refused.length;
    }
    expect(refusals).toBeLessThanOrEqual(5);
    const settled = await device.read(wanted);
    expect(device.refused).toEqual([]);
    expect(settled.asked).toHaveLength(3);
  });

  it("what was refused once and is given now is no ceiling any more", async () => {
    const few = [...wanted.slice(0, 10), at(200, 60)];
    let refusing = true;
    const device = deviceWith(() => true, { refuses: ({ count }) => refusing && count === 20 });
    await device.read(few.slice(0, 10));
    refusing = false;
    await device.read(few);
    expect((await device.read(few)).asked).toEqual(["0+20", "200+60"]);
  });

  it("a barrier is no ceiling: longer blocks elsewhere stay whole", async () => {
    const across = ({ at, count }: Span): boolean => at < 10 && at + count > 10;
    const device = deviceWith(() => true, { refuses: across });
    for (let poll = 0; poll < 4; poll += 1) await device.read(wanted);
    expect((await device.read(wanted)).asked).toEqual(["0+10", "10+110"]);
  });
});

describe("what was learned, over restarts", () => {
  const wanted = [at(0), at(1), at(3), at(4), ...Array.from({ length: 60 }, (_, i) => at(200 + i))];
  const legal = (address: number): boolean => address !== 2 && address !== 4;
  const refuses = ({ count }: Span): boolean => count > 40;

  async function learn(memory: Memory): Promise<readonly string[]> {
    const device = deviceWith(legal, { spans: wanted, memory, refuses });
    for (let poll = 0; poll < 8; poll += 1) await device.read(wanted);
    expect(device.refused).toEqual([]);
    return (await device.read(wanted)).asked;
  }

  it("is asked for no more", async () => {
    const memory = memoryOf(undefined);
    const settled = await learn(memory);
    const again = deviceWith(legal, { spans: wanted, memory, refuses });
    expect(await again.read(wanted)).toMatchObject({
      asked: settled,
      faults: [{ code: "E_MODBUS_EXCEPTION", at: "holding 0x0004" }],
    });
    await again.clock.advance(15 * 60_000);
    expect((await again.read(wanted)).asked).toEqual([...settled, "4+1"]);
  });

  it("is forgotten with another unit or profile", async () => {
    const memory = memoryOf(undefined);
    await learn(memory);
    const fewer = wanted.slice(1);
    for (const rig of [
      { spans: wanted, unit: 2 },
      { spans: fewer },
      { spans: wanted, limits: { even: true } },
    ]) {
      const device = deviceWith(legal, { memory, refuses, ...rig });
      await device.read(rig.spans);
      expect(device.refused).not.toEqual([]);
      await learn(memory);
    }
  });

  it.each([[undefined], [7], [{ of: 5 }], [{ of: "x", dead: ["holding 0x0000 ×1"] }]])(
    "is nothing where %j was kept",
    async (kept) => {
      const device = deviceWith(() => true, { spans: wanted, memory: memoryOf(kept) });
      expect((await device.read(wanted)).asked).toEqual(["0+5", "200+60"]);
    },
  );

  it("is kept when it changes, not with every read", async () => {
    const memory = memoryOf(undefined);
    const device = deviceWith((address) => address !== 2, { spans: wanted, memory });
    for (let poll = 0; poll < 5; poll += 1) await device.read(wanted);
    expect(memory.writes).toBe(1);
  });

  it("takes a few KiB at most", async () => {
    const many = Array.from({ length: 3000 }, (_, index) => at(3 * index));
    const memory = memoryOf(undefined);
    const device = deviceWith((address) => address % 6 === 0, { spans: many, memory });
    for (let poll = 0; poll < 4; poll += 1) await device.read(many);
    expect(JSON.stringify(memory.kept).length).toBeLessThan(6000);
  });

  it("is doubted after a day: a device may have changed", async () => {
    const device = deviceWith((address) => address !== 2);
    const few = wanted.slice(0, 4);
    await device.read(few);
    device.answers.isLegal = () => true;
    expect((await device.read(few)).asked).toEqual(["0+2", "3+2"]);
    await device.clock.advance(24 * 60 * 60_000);
    expect((await device.read(few)).asked).toEqual(["0+5"]);
  });
});

describe("whatever a device has and gives at once", () => {
  const places = fc.uniqueArray(
    fc.record({ at: fc.integer({ min: 0, max: 150 }), count: fc.constantFrom(1, 1, 2, 2, 4) }),
    { minLength: 1, maxLength: 40, selector: ({ at, count }) => `${at} ${count}` },
  );
  const holes = fc.uniqueArray(fc.integer({ min: 0, max: 155 }), { maxLength: 20 });
  const most = fc.integer({ min: 4, max: 125 });
  const device = fc.record({
    most,
    gap: fc.constantFrom(undefined, 0, 10),
    table: fc.constantFrom("holding" as const, "coil" as const),
  });

  it("a few polls later nothing is refused any more and all it has is read", async () => {
    await fc.assert(
      fc.asyncProperty(places, holes, device, async (places, holes, { most, gap, table }) => {
        const wanted = places.map((place): Span => ({ table, ...place }));
        const legal = (address: number): boolean => !holes.includes(address);
        const memory = memoryOf(undefined);
        const rig = { limits: { gap, bitGap: gap }, spans: wanted, memory };
        const device = deviceWith(legal, { ...rig, refuses: ({ count }) => count > most });
        const readable = places.filter(({ at, count }) =>
          Array.from({ length: count }, (_, index) => at + index).every(legal),
        );
        if (readable.length === 0) return;
        const expected = readable.map(({ at }) => at);
        for (let poll = 0; poll < 10; poll += 1) {
          expect((await device.read(wanted)).read).toEqual(expected);
        }
        const settled = await device.read(wanted);
        expect(device.refused).toEqual([]);
        expect((await device.read(wanted)).asked).toEqual(settled.asked);
        const again = deviceWith(legal, { ...rig, refuses: ({ count }) => count > most });
        expect((await again.read(wanted)).read).toEqual(expected);
        expect(again.refused).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
