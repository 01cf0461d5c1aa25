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
    expect(findReply(frame, request)).toEqual({ kind: "reply", pdu: reply });
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

  it("doubled", () => {
    expect(findReply(joined(frame, frame), request)).toEqual({ kind: "reply", pdu: reply });
  });

  it("after its own echo", () => {
    expect(findReply(request.frame, request)).toEqual({ kind: "wait" });
    expect(findReply(joined(request.frame, frame), request)).toEqual({ kind: "reply", pdu: reply });
  });

  it("after a stale frame of another length", () => {
    const stale = encodeRtu(7, encodeReadReply({ ...span, count: 2 }, [1, 2]));
    expect(findReply(joined(stale, frame), request)).toEqual({ kind: "reply", pdu: reply });
  });

  it("behind any garbage, never a wrong value", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (garbage) => {
        const match = findReply(joined(garbage, frame), request);
        expect(match).toEqual({ kind: "reply", pdu: reply });
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
