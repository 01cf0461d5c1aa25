/**
 * RTU frames: whole, split at each byte, doubled, corrupted, behind an echo or garbage.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeRead, encodeReadReply } from "../../../drivers/modbus/pdu.ts";
import {
  crc16,
  encodeRtu,
  findReply,
  frameSilence,
  RtuFraming,
} from "../../../drivers/modbus/rtu.ts";
import { characterTime } from "../../../drivers/transport/timing.ts";

const span = { table: "holding", at: 0x10, count: 4 } as const;
const pdu = encodeRead(span);
const request = { unit: 7, pdu, frame: encodeRtu(7, pdu) };
const reply = encodeReadReply(span, [1, 0x0703, 0x0708, 0xffff]);
const frame = encodeRtu(7, reply);

/** The reply found at a place. */
const foundAt = (at: number) => ({ kind: "reply", pdu: reply, at, end: at + frame.length });

const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(parts));

describe("frames", () => {
  it("carry the CRC low byte first [MODBUS-RTU 2.5.1.2]", () => {
    expect(crc16(Buffer.from("123456789"))).toBe(0x4b37);
    const query = encodeRtu(1, encodeRead({ table: "holding", at: 0, count: 10 }));
    expect(Buffer.from(query).toString("hex")).toBe("01030000000ac5cd");
  });

  it("keep silence of 3.5 characters, fixed above 19200 [MODBUS-RTU 2.5.1.1]", () => {
    const line = { baud: 9600, parity: "none", dataBits: 8, stopBits: 1 } as const;
    expect(characterTime(line)).toBeCloseTo(1.0417, 4);
    expect(frameSilence(9600, characterTime(line))).toBeCloseTo(3.646, 3);
    expect(frameSilence(115_200, 0.0868)).toBe(1.75);
    expect(characterTime({ ...line, parity: "even" })).toBeCloseTo(1.1458, 4);
  });
});

describe("finding the reply", () => {
  it("whole", () => {
    expect(findReply(frame, request)).toEqual(foundAt(0));
  });

  it("split at each byte", () => {
    for (let at = 0; at < frame.length; at += 1) {
      expect(findReply(frame.subarray(0, at), request)).toEqual({ kind: "wait" });
      const framing = new RtuFraming();
      framing.begin(7, pdu);
      expect(framing.accept(frame.subarray(0, at))).toBeUndefined();
      expect(framing.accept(frame.subarray(at))).toEqual(reply);
    }
  });

  it("doubled: the last counts, devices answer in order", () => {
    expect(findReply(joined(frame, frame), request)).toEqual(foundAt(frame.length));
    const stale = encodeRtu(7, encodeReadReply(span, [9, 9, 9, 9]));
    expect(findReply(joined(stale, frame), request)).toEqual(foundAt(stale.length));
  });

  it("after its own echo", () => {
    expect(findReply(request.frame, request)).toEqual({ kind: "wait" });
    expect(findReply(joined(request.frame, frame), request)).toEqual(foundAt(8));
  });

  it("never in its own echo, though it have the form of a reply", () => {
    // Read as a reply: 3 bytes of data, 0x20 0x00 0x14, and the CRC is right.
    const bits = encodeRead({ table: "coil", at: 0x0320, count: 20 });
    const asked = { unit: 7, pdu: bits, frame: encodeRtu(7, bits) };
    const answer = encodeRtu(7, Uint8Array.of(1, 3, 0xaa, 0x55, 0x0f));
    expect(findReply(asked.frame, asked)).toEqual({ kind: "wait" });
    for (const stray of [[], [0], [0xff, 0]]) {
      const heard = joined(Uint8Array.from(stray), asked.frame, answer);
      expect(findReply(heard, asked)).toMatchObject({ pdu: answer.slice(1, -2) });
    }
  });

  it("after a stale frame of another length", () => {
    const stale = encodeRtu(7, encodeReadReply({ ...span, count: 2 }, [1, 2]));
    expect(findReply(joined(stale, frame), request)).toEqual(foundAt(stale.length));
  });

  it("behind any garbage, never a wrong value", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (garbage) => {
        const match = findReply(joined(garbage, frame), request);
        expect(match).toEqual(foundAt(garbage.length));
      }),
    );
  });

  it("corrupted in any one byte, it is no reply", () => {
    for (let at = 0; at < frame.length; at += 1) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const damaged = frame.map((byte, index) => (index === at ? byte ^ flip : byte));
        expect(findReply(damaged, request).kind).not.toBe("reply");
      }
    }
  });

  it("gives up past its bound", () => {
    const framing = new RtuFraming();
    framing.begin(7, pdu);
    framing.accept(new Uint8Array(1000));
    expect(() => framing.accept(new Uint8Array(100))).toThrow("more than 1024 bytes");
  });
});

describe("a line that hears itself", () => {
  const whole = (framing: RtuFraming, bytes: Uint8Array): Uint8Array | undefined => {
    framing.begin(7, pdu);
    const found = framing.accept(bytes);
    framing.end();
    return found;
  };
  /** A framing that has heard echoes before. */
  const echoing = (): RtuFraming => {
    const framing = new RtuFraming();
    for (let count = 0; count < 2; count += 1) whole(framing, joined(request.frame, frame));
    return framing;
  };
  const damaged = request.frame.map((byte, at) => (at === 3 || at === 6 ? byte ^ 0x41 : byte));

  it("an echo alone is silence", () => {
    for (const framing of [new RtuFraming(), echoing()]) {
      framing.begin(7, pdu);
      framing.accept(request.frame.subarray(0, 5));
      framing.accept(request.frame.subarray(5));
      expect(framing.end()).toBe(false);
    }
  });

  it("a damaged echo is noise, and silence once echoes are expected", () => {
    for (const [framing, noise] of [
      [new RtuFraming(), true],
      [echoing(), false],
    ] as const) {
      for (const echo of [damaged, damaged.subarray(0, 7), damaged.subarray(2)]) {
        framing.begin(7, pdu);
        framing.accept(echo);
        expect(framing.end()).toBe(noise);
      }
    }
  });

  it("a damaged echo before the reply does no harm, whole or in parts", () => {
    for (const framing of [new RtuFraming(), echoing()]) {
      expect(whole(framing, joined(damaged, frame))).toEqual(reply);
      framing.begin(7, pdu);
      expect(framing.accept(damaged.subarray(0, 3))).toBeUndefined();
      expect(framing.accept(joined(damaged.subarray(3), frame.subarray(0, 2)))).toBeUndefined();
      expect(framing.accept(frame.subarray(2))).toEqual(reply);
      framing.end();
    }
  });

  it("a damaged echo in the form of a reply is none, before echoes are known", () => {
    const framing = new RtuFraming();
    const bits = { table: "coil", at: 0x0320, count: 20 } as const;
    const echo = framing.begin(1, encodeRead(bits));
    echo.set([0x73, 0x9f], 3);
    expect(framing.accept(echo)).toBeUndefined();
    const reply = encodeReadReply(bits, new Uint16Array(20).fill(1));
    expect(framing.accept(encodeRtu(1, reply))).toEqual(reply);
  });

  it("an adapter that stops echoing is noticed", () => {
    const framing = echoing();
    expect(whole(framing, frame)).toEqual(reply);
    framing.begin(7, pdu);
    framing.accept(damaged);
    expect(framing.end()).toBe(true);
  });
});

describe("an answer that nobody waits for", () => {
  it("is noticed once, whole or in parts", () => {
    const framing = new RtuFraming();
    framing.begin(7, pdu);
    expect(framing.accept(joined(frame, frame.subarray(0, 4)))).toEqual(reply);
    framing.end();
    expect(framing.unasked()).toBe(false);
    framing.accept(frame.subarray(4));
    expect(framing.unasked()).toBe(true);
    expect(framing.unasked()).toBe(false);
    framing.accept(new Uint8Array(3000));
    framing.accept(frame);
    expect(framing.unasked()).toBe(true);
  });

  it("is no matter when it is noise, or nothing was asked", () => {
    const framing = new RtuFraming();
    framing.accept(frame);
    expect(framing.unasked()).toBe(false);
    framing.begin(7, pdu);
    framing.accept(frame);
    framing.end();
    framing.accept(Uint8Array.of(0, 0xff, 7, 3));
    expect(framing.unasked()).toBe(false);
  });
});
