/** Reading an unknown device: holes, missing tables, budgets, places of a manual's number. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModbusException } from "../../../../drivers/modbus/pdu.ts";
import { placesOf, takeSnapshot, windowsOf } from "../../../../drivers/modbus/probe/index.ts";
import { GatewayError } from "../../../../telemetry/index.ts";
import { codeOf, never } from "../world.ts";

/** A device whose holding registers are all there but for holes; inputs it does not have. */
function device(holes: ReadonlySet<number>) {
  const asked: string[] = [];
  return {
    asked,
    parts: {
      budget: 500,
      block: 50,
      now: () => 7,
      request: async ({ table, at, count }: { table: string; at: number; count: number }) => {
        asked.push(`${table} ${at}+${count}`);
        if (table === "input") throw new ModbusException(1, "input");
        const addresses = Array.from({ length: count }, (_, index) => at + index);
        if (addresses.some((address) => holes.has(address)))
          throw new ModbusException(2, "holding");
        return Uint16Array.from(addresses);
      },
    },
  };
}

describe("a snapshot", () => {
  it("gives every register that is there, whatever the holes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 0, max: 119 })), async (list) => {
        const holes = new Set(list);
        const { parts } = device(holes);
        const window = { table: "holding", from: 0, to: 119 } as const;
        const taken = await takeSnapshot([window], parts, never);
        expect(taken.snapshot.words.holding.size).toBe(120 - holes.size);
        expect(taken.holes).toBe(holes.size);
        expect(taken.snapshot.words.holding.get(5)).toBe(holes.has(5) ? undefined : 5);
      }),
      { numRuns: 50 },
    );
  });

  it("asks a table that is not there once", async () => {
    const { parts, asked } = device(new Set());
    await takeSnapshot([{ table: "input", from: 0, to: 999 }], parts, never);
    expect(asked).toEqual(["input 0+50"]);
  });

  it("keeps to its budget and says what it left", async () => {
    const { parts, asked } = device(new Set());
    const window = { table: "holding", from: 0, to: 199 } as const;
    const taken = await takeSnapshot([window], { ...parts, budget: 2 }, never);
    expect([asked.length, taken.unread]).toEqual([2, 100]);
  });

  it("ends with a silent device, and goes on with one that is silent at holes", async () => {
    const silent = new GatewayError("E_MODBUS_TIMEOUT", "no answer");
    const { parts } = device(new Set());
    const window = { table: "holding", from: 0, to: 99 } as const;
    const dumb = { ...parts, request: () => Promise.reject(silent) };
    expect(await codeOf(takeSnapshot([window], dumb, never))).toBe("E_MODBUS_TIMEOUT");
    const shy = {
      ...parts,
      block: 4,
      request: (span: { table: string; at: number; count: number }) =>
        span.at <= 9 && span.at + span.count > 9 ? Promise.reject(silent) : parts.request(span),
    };
    const taken = await takeSnapshot([window], shy, never);
    expect(taken.holes).toBe(1);
  });
});

describe("a register's number in a manual [MODBUS-AP 4.4]", () => {
  const words = (at: number): string[] => placesOf(at).map((place) => `${place.table} ${place.at}`);

  it.each([
    [40_013, "holding 12"],
    [30_013, "input 12"],
    [400_013, "holding 12"],
    [12, "holding 12"],
    [12, "input 11"],
  ])("%d may be %s", (at, place) => expect(words(at)).toContain(place));

  it("is nowhere when it is too large", () => expect(placesOf(70_000)).toEqual([]));

  it("becomes few windows, wide enough for 64 bits", () => {
    expect(windowsOf(placesOf(12))).toEqual([
      { table: "holding", from: 10, to: 16 },
      { table: "input", from: 10, to: 16 },
    ]);
  });
});
