/** The TCP line: matching answers, several outstanding, units, bounds. */
import { describe, expect, it } from "vitest";
import {
  encodeDeviceIdRequest,
  encodeException,
  encodeWrite,
} from "../../../drivers/modbus/pdu.ts";
import { cleanRun } from "../../../drivers/modbus/window.ts";
import { settle } from "../../virtual.ts";
import { answerTo, bench, places, timeout, values } from "./tcp-rig.ts";
import { codeOf, never } from "./world.ts";

describe("one at a time, as it begins", () => {
  it("the second goes when the first is answered", async () => {
    const table = bench();
    const both = [table.ask(10), table.ask(20)];
    await settle();
    expect(places(table.sent)).toEqual([10]);
    table.answer(table.sent[0]);
    expect(places(table.sent)).toEqual([10, 20]);
    table.answer(table.sent[1]);
    expect(await Promise.all(both)).toEqual([values(10), values(20)]);
  });

  it("transactions use the whole space of 16 bits and wrap [MODBUS-TCP 3.1.3]", async () => {
    const table = bench();
    const ids = new Set<number>();
    for (let count = 0; count < 0x1_0000; count += 1) {
      const read = table.ask(1);
      if (count === 0) await settle();
      const [request] = table.sent.splice(0);
      ids.add(request?.id ?? -1);
      table.answer(request);
      await read;
    }
    expect(ids.size).toBe(0x1_0000);
  });

  it("a late answer is dropped and counted, a second one too", async () => {
    const table = bench();
    const first = codeOf(table.ask(10));
    await table.clock.advance(timeout);
    expect(await first).toBe("E_MODBUS_TIMEOUT");
    const second = table.ask(20);
    table.answer(table.sent[0], table.sent[1], table.sent[1]);
    expect(await second).toEqual(values(20));
    expect(table.line.counts.late).toBe(2);
  });

  it("an answer that was there, unread, when its time ended is no late one", async () => {
    const table = bench();
    // As after a stall of the agent: the timer runs first, then the socket is read.
    table.clock.after(timeout, () => setImmediate(() => table.answer(table.sent[0])));
    const read = table.ask(10);
    await table.clock.advance(timeout);
    expect(await read).toEqual(values(10));
    expect(table.line.counts.late).toBe(0);
  });

  it("in a hurry it waits no longer than answers have taken; that is no sign of loss", async () => {
    const table = bench();
    await table.grow(2);
    const hurry = codeOf(table.ask(10, { unit: 5, hurry: true }));
    const other = table.ask(20, { unit: 2 });
    await table.clock.advance(100);
    expect(await hurry).toBe("E_MODBUS_TIMEOUT");
    table.answer(table.sent[1]);
    expect(await other).toEqual(values(20));
    expect(table.line.window.size).toBe(2);
  });

  it.each([
    ["another unit", { unit: 9 }],
    ["another function", { pdu: Uint8Array.of(4, 4, 0, 1, 0, 2) }],
    ["another function's exception", { pdu: Uint8Array.of(0x84, 2) }],
    ["too few registers", { pdu: Uint8Array.of(3, 2, 0, 1) }],
    ["a wrong byte count", { pdu: Uint8Array.of(3, 6, 0, 1, 0, 2) }],
    ["a cut exception", { pdu: Uint8Array.of(0x83) }],
    ["nothing", { pdu: Uint8Array.of(0) }],
  ])("its transaction with %s is a frame error, and the next is right", async (_, parts) => {
    const table = bench();
    const first = codeOf(table.ask(10));
    await settle();
    table.hear(answerTo(table.sent[0], parts));
    expect(await first).toBe("E_MODBUS_FRAME");
    const second = table.ask(20);
    table.answer(table.sent[1]);
    expect(await second).toEqual(values(20));
    expect(table.line.counts.mixed).toBe(1);
    expect(table.connections()).toBe(1);
  });

  it("cancelled, its late answer is nobody's", async () => {
    const table = bench();
    const abort = new AbortController();
    const first = codeOf(table.askUntil(abort.signal, 10));
    const waiting = codeOf(table.askUntil(abort.signal, 11));
    const second = table.ask(20);
    await settle();
    abort.abort();
    expect([await first, await waiting]).toEqual(["E_DISCONNECTED", "E_DISCONNECTED"]);
    expect(places(table.sent)).toEqual([10, 20]);
    table.answer(table.sent[0], table.sent[1]);
    expect(await second).toEqual(values(20));
    expect(table.line.counts.late).toBe(1);
  });

  it("an aborted signal asks nothing", async () => {
    const table = bench();
    expect(await codeOf(table.askUntil(AbortSignal.abort(), 1))).toBe("E_DISCONNECTED");
    await settle();
    expect(table.connections()).toBe(0);
  });
});

describe("several outstanding", () => {
  it("are sent at once after clean answers, and no more than are allowed", async () => {
    const table = bench();
    await table.grow(3);
    const reads = [10, 20, 30, 40, 50].map((at) => table.ask(at));
    expect(places(table.sent)).toEqual([10, 20, 30]);
    table.answer(table.sent[0], table.sent[1]);
    expect(places(table.sent)).toEqual([10, 20, 30, 40, 50]);
    table.answer(...table.sent.slice(2));
    expect(await Promise.all(reads)).toEqual([10, 20, 30, 40, 50].map(values));
  });

  it("answers in another order: none is believed, each is asked again alone", async () => {
    const table = bench();
    await table.grow(3);
    const reads = [10, 20, 30].map((at) => table.ask(at));
    const [first, second, third] = table.sent;
    // In order, but with the first two ids swapped: values of 10 for the request of 20.
    table.hear(answerTo(first, { id: second?.id ?? 0 }));
    table.hear(answerTo(second, { id: first?.id ?? 0 }));
    table.hear(answerTo(third));
    expect(places(table.sent)).toEqual([10, 20, 30, 10]);
    table.answer(table.sent[3]);
    table.answer(table.sent[4]);
    table.answer(table.sent[5]);
    expect(await Promise.all(reads)).toEqual([10, 20, 30].map(values));
    expect(table.line.counts).toMatchObject({ mixed: 1, late: 2, resent: 3 });
    expect(table.line.window.size).toBe(1);
  });

  it("only the last is answered: all are asked again alone, one at a time for good", async () => {
    const table = bench();
    await table.grow(3);
    const reads = [10, 20, 30].map((at) => table.ask(at));
    table.answer(table.sent[2]);
    for (const index of [3, 4, 5]) table.answer(table.sent[index]);
    expect(await Promise.all(reads)).toEqual([10, 20, 30].map(values));
    for (let count = 0; count < 2 * cleanRun; count += 1) {
      const read = table.ask(7);
      table.answer(table.sent.at(-1));
      await read;
    }
    expect(table.line.window.size).toBe(1);
  });

  it("one that is never answered takes nothing from the others, nor from the window", async () => {
    const table = bench();
    await table.grow(4);
    const never = codeOf(table.ask(10));
    const reads = [20, 30, 40].map((at) => table.ask(at));
    table.answer(table.sent[1], table.sent[2], table.sent[3]);
    expect(places(table.sent)).toEqual([10, 20, 30, 40, 10]);
    await table.clock.advance(timeout);
    expect(await never).toBe("E_MODBUS_TIMEOUT");
    expect(places(table.sent)).toEqual([10, 20, 30, 40, 10, 20, 30, 40]);
    table.answer(...table.sent.slice(5));
    expect(await Promise.all(reads)).toEqual([20, 30, 40].map(values));
    expect(table.line.window.size).toBe(4);
  });

  it("one is lost, and comes when it is asked alone: one at a time for good", async () => {
    const table = bench();
    await table.grow(2);
    const first = table.ask(10);
    const second = codeOf(table.ask(20));
    table.answer(table.sent[0]);
    expect(await first).toEqual(values(10));
    await table.clock.advance(timeout);
    expect(await second).toBe("E_MODBUS_TIMEOUT");
    const third = [table.ask(30), table.ask(40)];
    expect(places(table.sent)).toEqual([10, 20, 30]);
    table.answer(table.sent[2]);
    table.answer(table.sent[3]);
    expect(await Promise.all(third)).toEqual([values(30), values(40)]);
    expect(table.line.window.size).toBe(1);
  });

  it("all are lost, and one asked alone is: the device is dead, nothing is learned", async () => {
    const table = bench();
    await table.grow(3);
    const lost = [codeOf(table.ask(10)), codeOf(table.ask(20))];
    await table.clock.advance(timeout);
    expect(await Promise.all(lost)).toEqual(["E_MODBUS_TIMEOUT", "E_MODBUS_TIMEOUT"]);
    const alone = [codeOf(table.ask(30)), codeOf(table.ask(40))];
    expect(places(table.sent)).toEqual([10, 20, 30]);
    await table.clock.advance(timeout);
    expect(await alone[0]).toBe("E_MODBUS_TIMEOUT");
    expect(table.line.window.size).toBe(3);
    expect(table.line.window.proven).toBe(true);
  });

  it("each has its own time from the answer before, as a device works on one by one", async () => {
    const table = bench();
    await table.grow(3);
    const reads = [10, 20, 30].map((at) => table.ask(at));
    for (const index of [0, 1, 2]) {
      await table.clock.advance(timeout - 1);
      table.answer(table.sent[index]);
    }
    expect(await Promise.all(reads)).toEqual([10, 20, 30].map(values));
  });

  it("the time of an answer counts from when its unit had nothing else to do", async () => {
    const table = bench();
    await table.grow(3);
    const times: number[] = [];
    const sent = (): void => void times.push(table.clock.monotonic());
    const reads = [10, 20, 30].map((at) => table.ask(at, { sent }));
    for (const index of [0, 1, 2]) {
      await table.clock.advance(100);
      table.answer(table.sent[index]);
    }
    await Promise.all(reads);
    expect(times).toEqual([0, 100, 200]);
  });

  it("a write is never sent twice", async () => {
    const table = bench();
    await table.grow(2);
    const pdu = encodeWrite({ table: "holding", at: 5, words: Uint16Array.of(1, 2) });
    const write = codeOf(table.line.exchange({ unit: 1, pdu, timeout, pause: 0 }, never));
    const read = table.ask(10);
    table.hangUp();
    await settle();
    expect(await write).toBe("E_DISCONNECTED");
    expect(places(table.sent)).toEqual([undefined, 10, 10]);
    table.answer(table.sent[2]);
    expect(await read).toEqual(values(10));
    const second = table.line.exchange({ unit: 1, pdu, timeout, pause: 0 }, never);
    const reply = pdu.slice(0, 5);
    table.hear(answerTo(table.sent[3], { pdu: reply }));
    expect(await second).toEqual(reply);
  });

  it("a request that is not known to read only is never sent twice", async () => {
    const table = bench();
    await table.grow(2);
    const custom = codeOf(
      table.line.exchange({ unit: 1, pdu: Uint8Array.of(0x65, 1), timeout, pause: 0 }, never),
    );
    const id = table.line.exchange(
      { unit: 1, pdu: encodeDeviceIdRequest(), timeout, pause: 0 },
      never,
    );
    table.answer(table.sent[1]);
    expect(await custom).toBe("E_MODBUS_FRAME");
    expect(table.sent).toHaveLength(3);
    table.answer(table.sent[2]);
    expect([...(await id)]).toEqual([0xab, 1]);
  });

  it("a fixed number is neither learned nor taken back, and order says nothing", async () => {
    const table = bench();
    table.line.window.fix(2);
    const reads = [table.ask(10), table.ask(20)];
    await settle();
    expect(places(table.sent)).toEqual([10, 20]);
    table.answer(table.sent[1], table.sent[0]);
    expect(await Promise.all(reads)).toEqual([values(10), values(20)]);
    const wrong = codeOf(table.ask(30));
    const right = table.ask(40);
    table.hear(answerTo(table.sent[2], { unit: 9 }));
    table.answer(table.sent[3]);
    expect(await wrong).toBe("E_MODBUS_FRAME");
    expect(await right).toEqual(values(40));
    expect(table.line.window.size).toBe(2);
  });
});

describe("units behind one address", () => {
  it("have one request outstanding each, and answer in any order", async () => {
    const table = bench();
    await table.grow(4);
    const reads = [
      [1, 10],
      [1, 20],
      [2, 30],
      [3, 40],
    ].map(([unit = 0, at = 0]) => table.ask(at, { unit }));
    const asked = () => table.sent.map(({ unit }) => unit);
    // The first was let out before the second unit was known.
    expect(asked()).toEqual([1, 1, 2, 3]);
    table.answer(table.sent[3], table.sent[2], table.sent[0], table.sent[1]);
    expect(await Promise.all(reads)).toEqual([10, 20, 30, 40].map(values));
    table.sent.length = 0;
    const more = [1, 1, 1, 2].map((unit, n) => table.ask(10 * n, { unit }));
    expect(asked()).toEqual([1, 2]);
    table.answer(table.sent[0]);
    expect(asked()).toEqual([1, 2, 1]);
    table.answer(table.sent[2]);
    table.answer(table.sent[1], table.sent[3]);
    expect(await Promise.all(more)).toEqual([0, 10, 20, 30].map(values));
    expect(table.line.window.size).toBeGreaterThanOrEqual(4);
  });

  it("take turns, however many requests one of them has waiting", async () => {
    const table = bench();
    const reads = [1, 1, 1, 2, 3].map((unit, n) => table.ask(n, { unit }));
    await settle();
    for (let index = 0; index < reads.length; index += 1) table.answer(table.sent[index]);
    await Promise.all(reads);
    expect(table.sent.map(({ unit }) => unit)).toEqual([1, 2, 3, 1, 1]);
  });

  it("a silent one takes one place and its own time, and the others go on", async () => {
    const table = bench();
    await table.grow(2);
    const dead = codeOf(table.ask(10, { unit: 66 }));
    for (let ms = 0; ms < timeout; ms += 100) {
      const read = table.ask(20, { unit: 2 });
      table.answer(table.sent.at(-1));
      expect(await read).toEqual(values(20));
      await table.clock.advance(100);
    }
    expect(await dead).toBe("E_MODBUS_TIMEOUT");
    // Alone, to see whether the others were the reason: they were not.
    const again = codeOf(table.ask(10, { unit: 66 }));
    await table.clock.advance(timeout);
    expect(await again).toBe("E_MODBUS_TIMEOUT");
    expect(table.line.window.size).toBe(2);
    // From now on its silence is known and says nothing.
    const third = codeOf(table.ask(10, { unit: 66 }));
    const other = table.ask(20, { unit: 2 });
    table.answer(table.sent.at(-1));
    await other;
    await table.clock.advance(timeout);
    expect(await third).toBe("E_MODBUS_TIMEOUT");
    expect(table.line.window.size).toBe(2);
  });

  it.each([10, 11])(
    "exception %i is the unit's, and tells that this is a gateway",
    async (code) => {
      const table = bench();
      await table.grow(2);
      expect(table.line.depth()).toBe(2);
      const read = codeOf(table.ask(10));
      const [request] = table.sent;
      table.hear(
        answerTo(request, { pdu: encodeException(request?.pdu ?? new Uint8Array(), code) }),
      );
      expect(await read).toBe("E_MODBUS_BUSY");
      expect(table.line.depth()).toBe(1);
      expect(table.connections()).toBe(1);
    },
  );

  it("a pause is kept before each request of its unit, and no other waits for it", async () => {
    const table = bench();
    await table.grow(2);
    const reads = [1, 1, 2].map((unit) =>
      table.ask(10, unit === 1 ? { unit, pause: 50 } : { unit }),
    );
    await settle();
    // The pause counts from the last answer, which is just there.
    expect(places(table.sent)).toEqual([10]);
    await table.clock.advance(50);
    table.answer(table.sent[0], table.sent[1]);
    await table.clock.advance(49);
    expect(table.sent).toHaveLength(2);
    await table.clock.advance(1);
    table.answer(table.sent[2]);
    await Promise.all(reads);
    expect(table.sent.map(({ unit, at }) => [unit, at])).toEqual([
      [2, 0],
      [1, 50],
      [1, 100],
    ]);
  });
});
