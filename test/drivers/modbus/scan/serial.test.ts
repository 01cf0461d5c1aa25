/**
 * Looking for devices on a serial line, under virtual time: who is found, what is suspected, and
 * that nothing is made up, whatever the devices do.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeException } from "../../../../drivers/modbus/pdu.ts";
import { encodeRtu } from "../../../../drivers/modbus/rtu.ts";
import type { PlanParts } from "../../../../drivers/modbus/scan/plan.ts";
import { searchSerial } from "../../../../drivers/modbus/scan/serial.ts";
import type { SerialSearch, SerialState } from "../../../../drivers/modbus/scan/serial.ts";
import { setting } from "../../../../drivers/modbus/scan/settings.ts";
import { VirtualClock } from "../../../virtual.ts";
import { never } from "../world.ts";
import type { Slave } from "./segment.ts";
import { Segment, slave } from "./segment.ts";

const units = Array.from({ length: 247 }, (_, index) => index + 1);
const onlyOne: PlanParts = {
  settings: [setting(9600, "none")],
  units,
  all: false,
  expect: undefined,
};

interface Searched {
  readonly result: SerialSearch;
  readonly segment: Segment;
  readonly states: readonly SerialState[];
  readonly took: number;
}

async function search(
  slaves: readonly Slave[],
  plan: Partial<PlanParts> = {},
  before?: SerialState,
  signal: AbortSignal = never,
): Promise<Searched> {
  const clock = new VirtualClock();
  const segment = new Segment(clock, slaves, { echo: slaves.some(({ echo }) => echo) });
  const states: SerialState[] = [];
  const parts = {
    open: segment.open.bind(segment),
    plan: { ...onlyOne, ...plan },
    timeout: 150,
    ask: { table: "holding", at: 0, count: 2 } as const,
    profiles: [],
    clock,
    signal,
    progress: () => {},
    keep: (state: () => SerialState) => {
      states.push(state());
      return Promise.resolve();
    },
  };
  let took: number | undefined;
  const searching = searchSerial(parts, before).finally(() => {
    took = clock.monotonic();
  });
  searching.catch(() => {});
  await clock.advance(3_600_000);
  if (took === undefined) throw new Error("the search does not end");
  return { result: await searching, segment, states, took };
}

function unitsOf({ devices }: SerialSearch): number[] {
  return devices.map(({ unit }) => unit);
}

describe("a search on a serial line", () => {
  it("finds who answers, exceptions included [MODBUS-AP 7]", async () => {
    const refuses: Slave["answer"] = (pdu) => encodeException(pdu, 2);
    const { result } = await search([slave(1), slave(7, { answer: refuses }), slave(247)]);
    expect(unitsOf(result)).toEqual([1, 7, 247]);
    expect(result.devices.map(({ exception }) => exception)).toEqual([undefined, 2, undefined]);
    expect(result.suspicions).toEqual([]);
  });

  it("finds nobody on an empty line, in the time that it must take", async () => {
    const { result, took, segment } = await search([]);
    expect(result.devices).toEqual([]);
    expect(segment.written).toHaveLength(2 * 247);
    const least = 247 * (150 + 8 * (10 / 9.6));
    expect(took).toBeLessThan(least * 1.1);
  });

  it("only reads", async () => {
    const { segment } = await search([slave(3), slave(9)]);
    expect(
      segment.written.map(({ pdu }) => pdu[0]).filter((code = 0) => ![3, 4, 0x2b].includes(code)),
    ).toEqual([]);
  });

  it("gives a late answer to who gave it, and never to the next address", async () => {
    const { result } = await search([slave(20, { after: 260 }), slave(40, { after: 170 })]);
    expect(unitsOf(result)).toEqual([20, 40]);
    for (const { notes, after } of result.devices) {
      expect(after).toBeGreaterThan(150);
      expect(notes[0]).toMatch(/^answers after \d+ ms/);
    }
  });

  it("finds who takes longer than its patience", async () => {
    const { result } = await search([slave(20, { after: 2600 }), slave(40)]);
    expect(unitsOf(result)).toEqual([20, 40]);
    expect(result.devices[0]?.notes).toEqual(["answers after more than 2000 ms"]);
  });

  it("gives a slow line more time", async () => {
    const slaves = units.slice(0, 40).map((unit) => slave(2 * unit, { after: 200 + (unit % 50) }));
    const { result, took } = await search(slaves);
    expect(unitsOf(result)).toEqual(slaves.map(({ unit }) => unit));
    expect(result.suspicions).toEqual([]);
    expect(took / 1000).toBeLessThan(150);
  });

  it("is not confused by an adapter that hears itself", async () => {
    const echo = true;
    const slaves = [slave(20, { echo, after: 260 }), slave(40, { echo }), slave(41, { echo })];
    const { result } = await search(slaves);
    expect(unitsOf(result)).toEqual([20, 40, 41]);
    expect(result.suspicions).toEqual([]);
  });

  it("hears the last address out, too", async () => {
    const { result } = await search([slave(247, { after: 200 })]);
    expect(unitsOf(result)).toEqual([247]);
  });

  it("suspects two devices with one address that answer at once", async () => {
    const { result } = await search([slave(5), slave(12), slave(12, { after: 7 }), slave(30)]);
    expect(unitsOf(result)).toEqual([5, 30]);
    expect(result.suspicions.map(({ kind, unit }) => [kind, unit])).toEqual([["damaged", 12]]);
  });

  it("suspects two devices with one address that answer one after the other", async () => {
    const { result } = await search([slave(12), slave(12, { after: 60 }), slave(30)]);
    expect(unitsOf(result)).toEqual([12, 30]);
    expect(result.suspicions.map(({ kind, unit }) => [kind, unit])).toEqual([["twice", 12]]);
  });

  it("tells one device that answers to every address from many [MODBUS-RTU 2.2]", async () => {
    const { result, segment } = await search([slave(undefined)]);
    expect(result.devices).toHaveLength(1);
    expect(result.suspicions.map(({ kind }) => kind)).toEqual(["everyone"]);
    expect(segment.written.length).toBeLessThan(20);
  });

  it("finds 40 neighbours for what they are", async () => {
    const { result } = await search(Array.from({ length: 40 }, (_, index) => slave(index + 1)));
    expect(unitsOf(result)).toHaveLength(40);
    expect(result.suspicions).toEqual([]);
  });

  it("gives up a line on which nothing is readable", async () => {
    const garble = (frame: Uint8Array): Uint8Array => frame.map((byte) => byte ^ 0x21);
    const { result, segment } = await search([slave(undefined, { garble })]);
    expect(result.devices).toEqual([]);
    expect(result.suspicions.map(({ kind }) => kind)).toEqual(["noise"]);
    expect(segment.written.length).toBeLessThan(30);
  });

  it("takes a gateway's word that nobody is there [MODBUS-AP 7]", async () => {
    const gateway = slave(undefined, { answer: (pdu) => encodeException(pdu, 11), after: 20 });
    const { result } = await search([gateway]);
    expect(result.devices).toEqual([]);
    expect(result.suspicions.map(({ kind }) => kind)).toEqual(["gateway"]);
  });

  it("knows another master's traffic", async () => {
    const garble = (): Uint8Array => encodeRtu(99, Uint8Array.of(3, 0, 1, 0, 1));
    const chatter = slave(2, { garble });
    const { result } = await search([chatter, slave(4)]);
    expect(unitsOf(result)).toEqual([4]);
    expect(result.suspicions.map(({ kind }) => kind)).toEqual(["stranger"]);
  });
});

describe("several settings", () => {
  const settings = [setting(9600, "none"), setting(9600, "even"), setting(19_200, "even")];

  it("are sampled; the one where somebody answers is finished", async () => {
    const slaves = [1, 77, 200].map((unit) => slave(unit, { setting: "9600 8E1" }));
    const { result, segment } = await search(slaves, { settings });
    expect(unitsOf(result)).toEqual([1, 77, 200]);
    expect(result.sampled).toEqual(["9600 8N1", "19200 8E1"]);
    expect(segment.written.length).toBeLessThan(2 * (247 + 3 * 20));
  });

  it("are one device's where it follows the speed, or where the port has none", async () => {
    const everywhere = ["9600 8N1", "9600 8E1", "19200 8E1"];
    const slaves = [4, 60].flatMap((unit) => everywhere.map((at) => slave(unit, { setting: at })));
    const { result, segment } = await search(slaves, { settings });
    expect(unitsOf(result)).toEqual([4, 60]);
    expect(result.devices[0]?.notes).toEqual([
      "answers at 9600 8E1, 19200 8E1 as well: it follows the speed, or there are two",
    ]);
    expect(segment.written.length).toBeLessThan(2 * (247 + 3 * 20));
  });

  it("are all asked in full when no sample answers", async () => {
    const { result } = await search([slave(77, { setting: "19200 8E1" })], { settings });
    expect(unitsOf(result)).toEqual([77]);
  });

  it("are all asked in full with `all`, and until enough are found with `expect`", async () => {
    const slaves = [slave(1), slave(78, { setting: "19200 8E1" })];
    expect(unitsOf((await search(slaves, { settings })).result)).toEqual([1]);
    const all = await search(slaves, { settings, all: true });
    expect(unitsOf(all.result)).toEqual([1, 78]);
    const two = await search(slaves, { settings, expect: 2 });
    expect(unitsOf(two.result)).toEqual([1, 78]);
    expect(two.segment.written.length).toBeLessThan(all.segment.written.length);
  });
});

describe("a search that was cut", () => {
  it("goes on where it stopped and finds the same", async () => {
    const slaves = [3, 9, 60, 140, 201].map((unit) => slave(unit));
    const whole = await search(slaves);
    for (const cut of [1, 9, 50, 150, 240]) {
      const state = whole.states[cut - 1];
      const rest = await search(slaves, {}, state);
      expect(unitsOf(rest.result)).toEqual([3, 9, 60, 140, 201]);
      expect(rest.result.probes).toBe(247 - cut);
    }
  });

  it("stops at once when it is told to", async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(search([slave(1)], {}, undefined, stop.signal)).rejects.toThrow("stopped");
  });
});

describe("whatever the devices do", () => {
  const behaviour = fc.record({
    after: fc.integer({ min: 1, max: 600 }),
    lies: fc.constantFrom("none", "exception", "cut", "flipped", "silent", "babble"),
    babble: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  });
  const garbles: Readonly<Record<string, Slave["garble"]>> = {
    cut: (frame) => frame.subarray(0, -2),
    flipped: (frame) => frame.map((byte, at) => (at === 2 ? byte ^ 4 : byte)),
  };

  it("nobody is found who is not there, and every honest quick device is", async () => {
    const segments = fc.dictionary(fc.integer({ min: 1, max: 40 }).map(String), behaviour, {
      maxKeys: 12,
    });
    await fc.assert(
      fc.asyncProperty(segments, async (devices) => {
        const slaves = Object.entries(devices).map(([unit, { after, lies, babble }]) => {
          const answers: Partial<Slave> =
            lies === "exception"
              ? { answer: (pdu) => encodeException(pdu, 4) }
              : lies === "silent"
                ? { answer: () => undefined }
                : {};
          const garble = lies === "babble" ? () => babble : garbles[lies];
          return slave(Number(unit), { after, ...answers, ...(garble && { garble }) });
        });
        const { result } = await search(slaves, { units: units.slice(0, 40) });
        const honest = Object.entries(devices).filter(([, { lies }]) => lies === "none");
        const there = Object.keys(devices);
        for (const unit of unitsOf(result)) expect(there).toContain(String(unit));
        const alone = there.length === honest.length;
        for (const [unit, { after }] of honest) {
          const quick = after < 140 && Object.values(devices).every((one) => one.after < 140);
          if (quick && alone) expect(unitsOf(result)).toContain(Number(unit));
        }
      }),
      { numRuns: 60 },
    );
  });
});
