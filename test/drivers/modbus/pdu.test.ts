/**
 * Protocol data units against the standard's examples, and against any bytes.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import {
  decodeDeviceId,
  decodeReadReply,
  decodeReadRequest,
  encodeDeviceIdRequest,
  encodeException,
  encodeRead,
  encodeReadReply,
  ModbusException,
  replyLength,
} from "../../../drivers/modbus/pdu.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { spans } from "./spans.ts";

const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

describe("read requests and replies", () => {
  it("are the examples of the standard [MODBUS-AP 6.1, 6.3, 6.4]", () => {
    expect(encodeRead({ table: "coil", at: 0x13, count: 0x13 })).toEqual(hex("01 0013 0013"));
    expect(encodeRead({ table: "holding", at: 0x6b, count: 3 })).toEqual(hex("03 006B 0003"));
    const holding = decodeReadReply(
      { table: "holding", at: 0x6b, count: 3 },
      hex("03 06 022B 0000 0064"),
    );
    expect([...holding]).toEqual([555, 0, 100]);
    const coils = decodeReadReply({ table: "coil", at: 0x13, count: 19 }, hex("01 03 CD 6B 05"));
    expect([...coils].join("")).toBe("1011001111010110101");
  });

  it("come back as they went", () => {
    fc.assert(
      fc.property(
        spans,
        fc.infiniteStream(fc.integer({ min: 0, max: 0xffff })),
        (span, numbers) => {
          const isBits = span.table === "coil" || span.table === "discrete";
          const values = [...numbers.take(span.count)].map((value) => (isBits ? value & 1 : value));
          expect(decodeReadRequest(encodeRead(span))).toEqual(span);
          const reply = encodeReadReply(span, values);
          expect([...decodeReadReply(span, reply)]).toEqual(values);
          expect(replyLength(encodeRead(span), reply)).toBe(reply.length);
        },
      ),
    );
  });

  it("any other bytes end in a code, never in a value", () => {
    fc.assert(
      fc.property(spans, fc.uint8Array({ maxLength: 260 }), (span, bytes) => {
        try {
          expect(decodeReadReply(span, bytes)).toHaveLength(span.count);
          expect(bytes).toHaveLength(replyLength(encodeRead(span), bytes) ?? -1);
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
        }
      }),
    );
  });
});

describe("exceptions [MODBUS-AP 7]", () => {
  it.each([
    [1, "E_MODBUS_EXCEPTION"],
    [2, "E_MODBUS_EXCEPTION"],
    [4, "E_MODBUS_EXCEPTION"],
    [5, "E_MODBUS_BUSY"],
    [6, "E_MODBUS_BUSY"],
    [10, "E_MODBUS_BUSY"],
    [11, "E_MODBUS_BUSY"],
  ])("%i is %s", (exception, code) => {
    const span: Span = { table: "input", at: 16, count: 1 };
    const reply = encodeException(encodeRead(span), exception);
    expect(replyLength(encodeRead(span), reply)).toBe(2);
    const decode = (): Uint16Array => decodeReadReply(span, reply);
    expect(decode).toThrow(ModbusException);
    expect(decode).toThrow(expect.objectContaining({ code, exception }));
    expect(decode).toThrow("input 0x0010");
  });
});

describe("device identification [MODBUS-AP 6.21]", () => {
  const reply = hex("2B 0E 01 01 00 00 03 00 04 41636D65 01 02 5831 02 03 312E32");

  it("reads the objects", () => {
    expect(encodeDeviceIdRequest()).toEqual(hex("2B 0E 01 00"));
    const { objects, next } = decodeDeviceId(reply);
    expect([...objects]).toEqual([
      [0, "Acme"],
      [1, "X1"],
      [2, "1.2"],
    ]);
    expect(next).toBeUndefined();
  });

  it("says which object to ask for next", () => {
    const more = reply.map((byte, at) => (at === 4 ? 0xff : at === 5 ? 3 : byte));
    expect(decodeDeviceId(more).next).toBe(3);
  });

  it("knows its length only once it is there", () => {
    const request = encodeDeviceIdRequest();
    for (let end = 0; end < reply.length - 3; end += 1) {
      expect(replyLength(request, reply.subarray(0, end))).toBeUndefined();
      expect(() => decodeDeviceId(reply.subarray(0, end))).toThrow(GatewayError);
    }
    expect(replyLength(request, reply)).toBe(reply.length);
  });
});
