/** The line under virtual time, on a channel made of two arrays. */
import { describe, expect, it } from "vitest";
import type { Exchange } from "../../../drivers/modbus/exchange.ts";
import { Line } from "../../../drivers/modbus/line.ts";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import {
  decodeReadRequest,
  encodeException,
  encodeRead,
  encodeReadReply,
} from "../../../drivers/modbus/pdu.ts";
import { encodeRtu, RtuFraming } from "../../../drivers/modbus/rtu.ts";
import type { ByteChannel } from "../../../drivers/transport/channel.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { settle, VirtualClock } from "../../virtual.ts";
import { codeOf, never } from "./world.ts";

const gap = 4;
const quiet = 20;

/** A line whose other end is the test. */
function bench(character = 0, clock = new VirtualClock()) {
  const sent: { readonly at: number; readonly span: Span | undefined; readonly pdu: Uint8Array }[] =
    [];
  let receive = (_bytes: Uint8Array): void => {};
  let end = (_reason: GatewayError): void => {};
  const channel: ByteChannel = {
    write: (frame) => {
      const pdu = frame.slice(1, -2);
      sent.push({ at: clock.monotonic(), span: decodeReadRequest(pdu), pdu });
    },
    onData: (listener) => {
      receive = listener;
    },
    onClose: (listener) => {
      end = listener;
    },
    discardInput: () => {},
    close: () => Promise.resolve(),
  };
  const line = new Line(
    {
      name: "bench",
      connect: () => Promise.resolve(channel),
      framing: new RtuFraming(),
      reconnects: false,
      gap,
      quiet,
      character,
    },
    clock,
  );
  const ask = (parts: Partial<Exchange> & { readonly span?: Span } = {}, signal = never) => {
    const { span = wide, ...rest } = parts;
    return line.exchange(
      { unit: 1, pdu: encodeRead(span), timeout: 1000, pause: 0, ...rest },
      signal,
    );
  };
  return {
    clock,
    line,
    sent,
    ask,
    hear: (bytes: Uint8Array) => receive(bytes),
    hangUp: () => end(new GatewayError("E_DISCONNECTED", "gone")),
    /** Answers the request sent last. */
    async answer(value = 7): Promise<void> {
      await settle();
      const span = sent.at(-1)?.span ?? wide;
      receive(encodeRtu(1, encodeReadReply(span, Array(span.count).fill(value))));
      await settle();
    },
    /** Refuses the request sent last. */
    async refuse(): Promise<void> {
      await settle();
      receive(encodeRtu(1, encodeException(sent.at(-1)?.pdu ?? new Uint8Array(), 2)));
      await settle();
    },
  };
}

const wide: Span = { table: "holding", at: 100, count: 10 };

describe("silence before a request [MODBUS-RTU 2.5.1.1]", () => {
  it("is the line's gap after the last byte, or the device's longer pause", async () => {
    const { ask, answer, sent, clock } = bench();
    const first = ask();
    await answer();
    await first;
    const second = ask();
    await clock.advance(gap);
    await answer();
    await second;
    const third = ask({ pause: 50 });
    await clock.advance(100);
    await answer();
    await third;
    expect(sent.map(({ at }) => at)).toEqual([0, gap, gap + 50]);
  });

  it("is kept as precisely as the clock can", async () => {
    const asked: number[] = [];
    class PreciseClock extends VirtualClock {
      precisely(ms: number, run: () => void) {
        asked.push(ms);
        return this.after(ms, run);
      }
    }
    const { ask, answer, clock } = bench(0, new PreciseClock());
    const first = ask();
    await answer();
    await first;
    const second = ask();
    await clock.advance(gap);
    await answer();
    await second;
    expect(asked).toEqual([gap]);
  });

  it("on a line that never falls silent is given up", async () => {
    const { ask, answer, hear, clock } = bench();
    const first = ask();
    await answer();
    await first;
    const second = codeOf(ask());
    for (let ms = 0; ms < 4000; ms += 2) {
      hear(Uint8Array.of(0xff));
      await clock.advance(2);
    }
    expect(await second).toBe("E_MODBUS_FRAME");
  });
});

describe("after an answer that did not come", () => {
  const timedOut = async (table: ReturnType<typeof bench>): Promise<void> => {
    const read = codeOf(table.ask());
    await table.clock.advance(1000 + quiet);
    expect(await read).toBe("E_MODBUS_TIMEOUT");
  };

  it("a fence goes first; once it is answered the request follows", async () => {
    const table = bench();
    await timedOut(table);
    const read = table.ask({ span: { ...wide, at: 300 } });
    await table.clock.advance(quiet);
    await table.answer();
    await table.clock.advance(gap);
    await table.answer(9);
    expect((await read).at(-1)).toBe(9);
    const counts = table.sent.map(({ span }) => `${span?.at}+${span?.count}`);
    expect(counts).toEqual(["100+10", "300+8", "300+10"]);
  });

  it("another function or another unit needs no fence", async () => {
    const table = bench();
    await timedOut(table);
    const other = table.ask({ span: { ...wide, table: "input" } });
    await table.clock.advance(quiet);
    await table.answer();
    await other;
    expect(table.sent).toHaveLength(2);
  });

  it("a fence that is refused proves nothing: another function does, refused or not", async () => {
    for (const refused of [true, false]) {
      const table = bench();
      await timedOut(table);
      const read = table.ask();
      await table.clock.advance(quiet);
      await table.refuse();
      await table.clock.advance(gap);
      expect(table.sent.at(-1)?.span).toEqual({ ...wide, table: "input", count: 1 });
      await (refused ? table.refuse() : table.answer());
      await table.clock.advance(gap);
      await table.answer(9);
      expect((await read).at(-1)).toBe(9);
    }
  });

  it("when no function is left, nothing is asked until no late answer can come", async () => {
    const table = bench();
    await timedOut(table);
    for (const name of ["input", "coil", "discrete"] as const) {
      const read = codeOf(table.ask({ span: { ...wide, table: name } }));
      await table.clock.advance(1000 + quiet);
      expect(await read).toBe("E_MODBUS_TIMEOUT");
    }
    const read = codeOf(table.ask());
    await table.clock.advance(quiet);
    await table.refuse();
    expect(await read).toBe("E_MODBUS_FRAME");
    expect(table.sent).toHaveLength(5);
    await table.clock.advance(10_000);
    const later = table.ask();
    await table.clock.advance(quiet);
    await table.answer(9);
    expect((await later).at(-1)).toBe(9);
  });

  it("a request of another length is its own fence, unless it is refused", async () => {
    const table = bench();
    await timedOut(table);
    const short = { ...wide, count: 2 };
    const read = table.ask({ span: short });
    await table.clock.advance(quiet);
    await table.answer();
    await read;
    expect(table.sent.map(({ span }) => span?.count)).toEqual([10, 2]);
    await timedOut(table);
    const again = table.ask({ span: short });
    await table.clock.advance(quiet);
    await table.refuse();
    await table.clock.advance(gap);
    await table.answer();
    await table.clock.advance(gap);
    await table.answer(9);
    expect((await again).at(-1)).toBe(9);
    expect(table.sent.map(({ span }) => span?.count)).toEqual([10, 2, 10, 2, 1, 2]);
  });

  it("each try costs one wait, and each fence has a length of its own", async () => {
    const table = bench();
    for (let count = 0; count < 5; count += 1) await timedOut(table);
    const counts = table.sent.map(({ span }) => span?.count);
    expect(counts).toEqual([10, 8, 12, 6, 14]);
  });

  it("in a hurry it is waited for no longer than answers took before", async () => {
    const table = bench();
    for (let count = 0; count < 4; count += 1) {
      const read = table.ask({ hurry: true });
      await table.clock.advance(gap + 50);
      await table.answer();
      await read;
    }
    const began = table.clock.monotonic();
    const read = codeOf(table.ask({ hurry: true }));
    await table.clock.advance(gap + 3 * 54);
    expect(await read).toBe("E_MODBUS_TIMEOUT");
    expect(table.clock.monotonic() - began).toBeLessThan(200);
  });

  it("in a hurry on a line that never answered it has all its time", async () => {
    const table = bench();
    const read = table.ask({ hurry: true });
    await table.clock.advance(900);
    await table.answer(9);
    expect((await read).at(-1)).toBe(9);
  });
});

describe("an answer that comes twice", () => {
  it("late enough to pass for the next one is fenced off", async () => {
    const table = bench();
    const first = table.ask();
    await table.answer(7);
    await first;
    await table.clock.advance(100);
    table.hear(encodeRtu(1, encodeReadReply(wide, Array(10).fill(7))));
    const second = table.ask({ span: { ...wide, at: 300 } });
    await table.clock.advance(gap);
    expect(table.sent.at(-1)?.span).toEqual({ ...wide, at: 300, count: 8 });
    await table.answer();
    await table.clock.advance(gap);
    await table.answer(9);
    expect((await second).at(-1)).toBe(9);
  });
});

describe("waiting", () => {
  it("for a turn ends at once when cancelled", async () => {
    const table = bench();
    const first = table.ask();
    const abort = new AbortController();
    const second = codeOf(table.ask({}, abort.signal));
    await settle();
    abort.abort();
    expect(await second).toBe("E_DISCONNECTED");
    await table.answer();
    await first;
    expect(table.sent).toHaveLength(1);
  });

  it("has a bound", async () => {
    const table = bench();
    const abort = new AbortController();
    const waiting = Array.from({ length: 1025 }, () => codeOf(table.ask({}, abort.signal)));
    expect(await codeOf(table.ask({}, abort.signal))).toBe("E_MODBUS_BUSY");
    abort.abort();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["E_DISCONNECTED"]));
  });

  it("for an answer ends at once when the line goes", async () => {
    const table = bench();
    const read = codeOf(table.ask());
    await settle();
    table.hangUp();
    expect(await read).toBe("E_DISCONNECTED");
  });

  it("for a connection has a limit", async () => {
    const clock = new VirtualClock();
    const line = new Line(
      {
        name: "bench",
        connect: (signal) =>
          new Promise((_, reject) => {
            const giveUp = (): void => reject(new GatewayError("E_CONNECT", "given up"));
            signal.addEventListener("abort", giveUp);
          }),
        framing: new RtuFraming(),
        reconnects: true,
        gap,
        quiet,
        character: 0,
      },
      clock,
    );
    const read = codeOf(
      line.exchange({ unit: 1, pdu: encodeRead(wide), timeout: 1000, pause: 0 }, never),
    );
    await clock.advance(5000);
    expect(await read).toBe("E_CONNECT");
    expect(clock.timers).toBe(0);
  });

  it("leaves no timer behind", async () => {
    const table = bench();
    const read = table.ask();
    await table.answer();
    await read;
    await table.line[Symbol.asyncDispose]();
    expect(table.clock.timers).toBe(0);
    expect(await codeOf(table.ask())).toBe("E_DISCONNECTED");
  });
});

describe("an answer that is there sooner than the line can carry it", () => {
  it("is none, once the line has shown its speed: the answer itself comes yet", async () => {
    const table = bench(1);
    // Request and reply: 8 and 25 bytes of 1 ms.
    const answers = [33, 33, 33, 33, 33, 33, 33, 33, 10, 33];
    for (const ms of answers) {
      let there = false;
      const read = table.ask().then(() => {
        there = true;
      });
      await table.clock.advance(gap + ms);
      await table.answer();
      expect(there).toBe(ms === 33);
      await table.clock.advance(33);
      if (!there) await table.answer();
      await read;
    }
  });
});
