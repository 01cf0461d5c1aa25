/** The connection of the TCP line: opened when needed, replaced when it is of no more use. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanRun } from "../../../drivers/modbus/window.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { settle } from "../../virtual.ts";
import type { Sent } from "./tcp-rig.ts";
import { answerTo, bench, places, timeout, values } from "./tcp-rig.ts";
import { codeOf } from "./world.ts";

describe("the connection", () => {
  it("closed between two requests is opened again, and nobody is told", async () => {
    const table = bench();
    await table.grow(2);
    table.hangUp();
    const read = table.ask(10);
    await settle();
    table.answer(table.sent[0]);
    expect(await read).toEqual(values(10));
    expect(table.connections()).toBe(2);
    expect(table.line.window.size).toBe(2);
  });

  it("closed as the first request after a rest goes: it is sent again, once", async () => {
    const table = bench();
    const first = table.ask(10);
    await settle();
    table.answer(table.sent[0]);
    await first;
    const second = table.ask(20);
    table.hangUp();
    await settle();
    expect(table.sent.map(({ connection }) => connection)).toEqual([1, 1, 2]);
    table.answer(table.sent[2]);
    expect(await second).toEqual(values(20));
    const third = codeOf(table.ask(30));
    table.hangUp();
    await settle();
    table.hangUp();
    expect(await third).toBe("E_DISCONNECTED");
    expect(table.line.counts.resent).toBe(2);
  });

  it("closed when bytes of the answer have come: that request has failed", async () => {
    const table = bench();
    const first = table.ask(10);
    await settle();
    table.answer(table.sent[0]);
    await first;
    const second = codeOf(table.ask(20));
    table.hear(answerTo(table.sent[1]).subarray(0, 8));
    table.hangUp();
    expect(await second).toBe("E_DISCONNECTED");
    const third = table.ask(30);
    await settle();
    table.answer(table.sent.at(-1));
    expect(await third).toEqual(values(30));
  });

  it("closed upon several requests: each is asked alone, for good", async () => {
    const table = bench();
    await table.grow(2);
    const reads = [10, 20, 30].map((at) => table.ask(at));
    table.answer(table.sent[0]);
    table.hangUp();
    await settle();
    expect(places(table.sent)).toEqual([10, 20, 30, 20]);
    table.answer(table.sent[3]);
    table.answer(table.sent[4]);
    expect(await Promise.all(reads)).toEqual([10, 20, 30].map(values));
    expect(table.line.window.size).toBe(1);
  });

  it("closed upon the first two at once that it ever got, after a rest: the same", async () => {
    const table = bench();
    for (let count = 0; count < cleanRun; count += 1) {
      const read = table.ask(1);
      await settle();
      table.answer(table.sent.at(-1));
      await read;
    }
    expect(table.line.window.size).toBe(2);
    const reads = [table.ask(10), table.ask(20)];
    table.hangUp();
    await settle();
    table.answer(table.sent.at(-1));
    table.answer(table.sent.at(-1));
    expect(await Promise.all(reads)).toEqual([values(10), values(20)]);
    expect(table.line.window.size).toBe(1);
  });

  it("closed at a rest under several that have worked before: nothing is learned", async () => {
    const table = bench();
    await table.grow(3);
    const reads = [table.ask(10), table.ask(20)];
    table.hangUp();
    await settle();
    table.answer(...table.sent.slice(2));
    expect(await Promise.all(reads)).toEqual([values(10), values(20)]);
    expect(table.line.window.size).toBe(3);
  });

  it("that cannot be had fails all that wait for it, at once", async () => {
    const table = bench();
    table.refuse(new GatewayError("E_CONNECT", "refused"));
    const codes = await Promise.all([1, 2, 3].map((unit) => codeOf(table.ask(1, { unit }))));
    expect(codes).toEqual(["E_CONNECT", "E_CONNECT", "E_CONNECT"]);
    table.refuse(undefined);
    const read = table.ask(10);
    await settle();
    table.answer(table.sent[0]);
    expect(await read).toEqual(values(10));
  });

  it("silent for three rounds is taken for dead, not by three requests at once", async () => {
    const table = bench();
    await table.grow(3);
    for (const requests of [3, 1, 1]) {
      expect(table.connections()).toBe(1);
      const lost = Array.from({ length: requests }, (_, at) => codeOf(table.ask(at)));
      await table.clock.advance(timeout);
      expect(new Set(await Promise.all(lost))).toEqual(new Set(["E_MODBUS_TIMEOUT"]));
    }
    const read = table.ask(10);
    await settle();
    expect(table.connections()).toBe(2);
    expect(table.line.window.size).toBe(1);
    table.answer(table.sent.at(-1));
    expect(await read).toEqual(values(10));
  });

  it("with half an answer in it is of no more use; the other requests are sent again", async () => {
    const table = bench();
    await table.grow(2);
    const first = codeOf(table.ask(10));
    await table.clock.advance(timeout / 4);
    const second = table.ask(20);
    table.hear(answerTo(table.sent[0]).subarray(0, -1));
    await table.clock.advance((timeout * 3) / 4);
    expect(await first).toBe("E_MODBUS_FRAME");
    expect(places(table.sent)).toEqual([10, 20, 20]);
    table.answer(table.sent[2]);
    expect(await second).toEqual(values(20));
    expect(table.connections()).toBe(2);
  });

  it("that carries no Modbus fails the request that is alone, and is replaced", async () => {
    const table = bench();
    const first = codeOf(table.ask(10));
    await settle();
    table.hear(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await first).toBe("E_MODBUS_FRAME");
    const second = table.ask(20);
    await settle();
    expect(table.connections()).toBe(2);
    table.answer(table.sent[1]);
    expect(await second).toEqual(values(20));
  });

  it("garbled under several: each is asked alone on a new one", async () => {
    const table = bench();
    await table.grow(3);
    const reads = [10, 20, 30].map((at) => table.ask(at));
    table.hear(Buffer.from("no Modbus"));
    for (let index = 3; index < 6; index += 1) {
      await settle();
      table.answer(table.sent[index]);
    }
    expect(await Promise.all(reads)).toEqual([10, 20, 30].map(values));
    expect(table.line.window.size).toBe(1);
  });

  it("ends with the line: all that waits has failed, no timer is left", async () => {
    const table = bench();
    await table.grow(2);
    const reads = [10, 20, 30].map((at) => codeOf(table.ask(at)));
    await table.line[Symbol.asyncDispose]();
    expect(new Set(await Promise.all(reads))).toEqual(new Set(["E_DISCONNECTED"]));
    expect(await codeOf(table.ask(1))).toBe("E_DISCONNECTED");
    expect(table.clock.timers).toBe(0);
  });
});

describe("bounds", () => {
  it("a thousand requests wait, not many more", async () => {
    const table = bench();
    const abort = new AbortController();
    const waiting = Array.from({ length: 1024 }, () => codeOf(table.askUntil(abort.signal, 1)));
    expect(await codeOf(table.ask(1))).toBe("E_MODBUS_BUSY");
    abort.abort();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["E_DISCONNECTED"]));
  });

  it("signals that nothing waits on are let go", async () => {
    const table = bench();
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    for (let count = 0; count < 3; count += 1) {
      const read = table.askUntil(signal, 10);
      await settle();
      table.answer(table.sent.at(-1));
      await read;
      expect(listeners).toBe(1);
    }
    for (let count = 0; count < 100; count += 1) {
      const read = table.askUntil(new AbortController().signal, 10);
      table.answer(table.sent.at(-1));
      await read;
    }
    expect(listeners).toBe(0);
  });
});

describe("whatever bytes come", () => {
  it("every request ends, and a good device is read right after", async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 3 }), async (noise, width) => {
        const table = bench();
        await table.grow(width);
        const codes = Array.from({ length: width }, (_, n) => codeOf(table.ask(n)));
        for (const [index, bytes] of noise.entries()) {
          // Half of the noise looks like answers: it begins as their headers do.
          const last = table.sent.at(-1);
          if (index % 2 === 1 && last !== undefined) table.hear(answerTo(last).subarray(0, 8));
          table.hear(bytes);
          await settle();
        }
        await table.clock.advance(10 * timeout);
        for (const code of await Promise.all(codes)) {
          expect(["none", "E_MODBUS_FRAME", "E_MODBUS_TIMEOUT", "E_DISCONNECTED"]).toContain(code);
        }
        const read = codeOf(table.ask(50));
        table.hangUp();
        await settle();
        table.answer(table.sent.at(-1));
        // It was not at rest when it hung up, perhaps: then that is what the caller is told.
        expect(["none", "E_DISCONNECTED"]).toContain(await read);
        const next = table.ask(60);
        await settle();
        table.answer(table.sent.at(-1));
        expect(await next).toEqual(values(60));
      }),
      { numRuns: 100 },
    );
  });
});

/** What a device may do to the stream of its answers. */
const faults = fc.constantFrom("right", "late", "twice", "swap", "unit", "cut", "hangUp", "lost");

describe("whatever a device does", () => {
  it("a value is the one asked for, and every request ends", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(faults, { minLength: 1, maxLength: 60 }),
        fc.record({ width: fc.integer({ min: 1, max: 6 }), units: fc.integer({ min: 1, max: 3 }) }),
        async (script, { width, units }) => {
          const table = bench();
          const done: Promise<void>[] = [];
          let asked = 0;
          const open = new Set<number>();
          const ask = (): void => {
            const at = 3 * asked;
            asked += 1;
            open.add(at);
            const checked = table.ask(at, { unit: 1 + (asked % units) }).then(
              (read) => expect(read).toEqual(values(at)),
              (error: unknown) => expect(error).toBeInstanceOf(GatewayError),
            );
            done.push(checked.finally(() => open.delete(at)));
          };
          let seen = 0;
          for (const fault of [...Array<"right">(40).fill("right"), ...script]) {
            for (let free = width - open.size; free > 0; free -= 1) ask();
            await settle();
            const fresh = table.sent.slice(seen);
            seen = table.sent.length;
            misbehave(table, fault, fresh);
            if (fault === "late") {
              await table.clock.advance(timeout);
              misbehave(table, "right", fresh);
            }
            if (fault === "lost") await table.clock.advance(timeout);
          }
          await table.clock.advance(20 * timeout);
          await Promise.all(done);
          expect(open.size).toBe(0);
          await table.line[Symbol.asyncDispose]();
          expect(table.clock.timers).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});

function misbehave(
  table: ReturnType<typeof bench>,
  fault: string,
  requests: readonly Sent[],
): void {
  const [first, second] = requests;
  if (first === undefined || fault === "lost" || fault === "late") return;
  if (fault === "hangUp") return table.hangUp();
  if (fault === "swap" && second !== undefined && first.unit === second.unit) {
    table.hear(answerTo(first, { id: second.id }));
    return table.hear(answerTo(second, { id: first.id }));
  }
  if (fault === "unit") return table.hear(answerTo(first, { unit: 77 }));
  if (fault === "cut") {
    // Nothing follows: with more behind it no one could tell that a byte is missing.
    table.hear(answerTo(first).subarray(0, -1));
    return table.hangUp();
  }
  for (const request of requests) {
    const frame = answerTo(request);
    for (const byte of frame) table.hear(Uint8Array.of(byte));
    if (fault === "twice") table.hear(frame);
  }
}
