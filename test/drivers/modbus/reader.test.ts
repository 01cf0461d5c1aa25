/**
 * What a session learns from a device that refuses addresses or falls silent.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import { ModbusException, placeOf } from "../../../drivers/modbus/pdu.ts";
import type { PlanLimits } from "../../../drivers/modbus/plan.ts";
import { BlockReader } from "../../../drivers/modbus/reader.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { VirtualClock } from "../../virtual.ts";
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

/** A device that answers exception 2 to every request that touches an illegal register. */
function deviceWith(isLegal: (address: number) => boolean) {
  const asked: string[] = [];
  const clock = new VirtualClock();
  const answers: { isLegal: typeof isLegal; failure?: GatewayError } = { isLegal };
  const reader = new BlockReader({
    limits,
    clock,
    request: (span) => {
      asked.push(`${span.at}+${span.count}`);
      if (answers.failure !== undefined) return Promise.reject(answers.failure);
      const addresses = Array.from({ length: span.count }, (_, index) => span.at + index);
      if (addresses.every((address) => answers.isLegal(address))) {
        return Promise.resolve(Uint16Array.from(addresses));
      }
      return Promise.reject(new ModbusException(2, placeOf(span)));
    },
  });
  const read = async (spans: readonly Span[]) => {
    asked.length = 0;
    const { words, faults } = await reader.read(spans, never);
    return {
      read: spans.filter((span) => words.has(span)).map(({ at }) => at),
      faults,
      asked: [...asked],
    };
  };
  return { read, reader, clock, answers };
}

describe("a device that refuses addresses", () => {
  it("a hole: found once, never read across again", async () => {
    const device = deviceWith((address) => address !== 2);
    const wanted = [at(0), at(1), at(3), at(4)];
    expect(await device.read(wanted)).toEqual({
      read: [0, 1, 3, 4],
      faults: [],
      asked: ["0+5", "0+2", "3+2"],
    });
    expect((await device.read(wanted)).asked).toEqual(["0+2", "3+2"]);
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
