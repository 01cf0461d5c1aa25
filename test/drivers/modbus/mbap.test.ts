/**
 * Modbus TCP frames: the header, cutting a stream, matching replies to requests.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeMbap, MbapReader, TcpFraming } from "../../../drivers/modbus/mbap.ts";
import { GatewayError } from "../../../telemetry/index.ts";

const frames = fc.record({
  transaction: fc.integer({ min: 0, max: 0xffff }),
  unit: fc.integer({ min: 0, max: 255 }),
  pdu: fc.uint8Array({ minLength: 1, maxLength: 253 }),
});

describe("the header [MODBUS-TCP 3.1.3]", () => {
  it("is seven bytes: transaction, protocol 0, length of what follows, unit", () => {
    const frame = encodeMbap({ transaction: 0x1234, unit: 7, pdu: Uint8Array.of(3, 0, 0, 0, 1) });
    expect(Buffer.from(frame).toString("hex")).toBe("123400000006070300000001");
  });

  it("frames come back whole, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(frames, { maxLength: 5 }),
        fc.integer({ min: 1, max: 40 }),
        (all, step) => {
          const bytes = Uint8Array.from(Buffer.concat(all.map(encodeMbap)));
          const reader = new MbapReader();
          const read = [];
          for (let at = 0; at < bytes.length; at += step) {
            read.push(...reader.push(bytes.subarray(at, at + step)));
          }
          expect(read).toEqual(all);
          expect(reader.pending).toBe(0);
        },
      ),
    );
  });

  it("what is no Modbus ends in a code [MODBUS-TCP 3.1.2]", () => {
    for (const text of ["000100010006", "000100000001", "0001000000ff"]) {
      const push = (): unknown => new MbapReader().push(Buffer.from(`${text}0103020000`, "hex"));
      expect(push).toThrow(GatewayError);
    }
  });
});

const pdu = Uint8Array.of(3, 0, 0, 0, 1);

const answer = (transaction: number, unit = 1): Uint8Array =>
  encodeMbap({ transaction, unit, pdu: Uint8Array.of(3, 2, 0, transaction) });

describe("matching", () => {
  it("late replies belong to no request", () => {
    const framing = new TcpFraming();
    framing.begin(1, pdu);
    framing.end();
    framing.begin(1, pdu);
    expect(framing.accept(answer(1))).toBeUndefined();
    expect(framing.accept(answer(2))).toEqual(Uint8Array.of(3, 2, 0, 2));
    framing.end();
    expect(framing.accept(answer(2))).toBeUndefined();
  });

  it("another unit's answer is refused", () => {
    const framing = new TcpFraming();
    framing.begin(1, pdu);
    expect(() => framing.accept(answer(1, 2))).toThrow("unit 2 answered for unit 1");
  });

  it("transactions wrap at 16 bits", () => {
    const framing = new TcpFraming();
    for (let count = 0; count < 0xffff; count += 1) framing.begin(1, pdu);
    expect(framing.begin(1, pdu).subarray(0, 2)).toEqual(Uint8Array.of(0, 0));
  });
});
