/**
 * Modbus TCP frames: the header, cutting a stream.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MbapFrame } from "../../../drivers/modbus/mbap.ts";
import { encodeMbap, MbapReader } from "../../../drivers/modbus/mbap.ts";
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
        fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 20 }),
        (all, steps) => {
          const bytes = Uint8Array.from(Buffer.concat(all.map(encodeMbap)));
          const reader = new MbapReader();
          const read: MbapFrame[] = [];
          let at = 0;
          for (let turn = 0; at < bytes.length; turn += 1) {
            const end = at + (steps[turn % steps.length] ?? 1);
            // A chunk of its own each, as a socket gives it.
            read.push(...reader.push(bytes.slice(at, end)));
            at = end;
          }
          expect(read).toEqual(all);
          expect(reader.pending).toBe(0);
        },
      ),
    );
  });

  it("what is no Modbus ends in a code, cut or whole [MODBUS-TCP 3.1.2]", () => {
    for (const text of ["000100010006", "000100000001", "0001000000ff"]) {
      const bytes = Buffer.from(`${text}0103020000`, "hex");
      for (let cut = 0; cut < 7; cut += 1) {
        const reader = new MbapReader();
        const push = (): void => {
          for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
            reader.push(part);
          }
        };
        expect(push).toThrow(GatewayError);
        expect(reader.pending).toBe(0);
      }
    }
  });
});
