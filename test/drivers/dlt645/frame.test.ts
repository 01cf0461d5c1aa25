/** Frames of DL/T 645: published ones, and whole, split, doubled, truncated, corrupted. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressOf,
  decodeDecimal,
  encodeDecimal,
  encodeFrame,
  errorText,
  findFrame,
  identifierBytes,
  isFrom,
} from "../../../drivers/dlt645/frame.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { damaged, hex } from "../polled/world.ts";

const any = (): boolean => true;
const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(parts));

/** Frames that others published, all with good checksums (facts of the project's research). */
const published: readonly (readonly [string, string, number, string])[] = [
  ["68 AA AA AA AA AA AA 68 13 00 DF 16", "aaaaaaaaaaaa", 0x13, ""],
  ["68 78 56 34 12 00 00 68 11 04 33 34 34 35 C9 16", "000012345678", 0x11, "02010100"],
  ["68 00 00 00 00 00 00 68 91 06 33 34 34 35 4C 56 D9 16", "0".repeat(12), 0x91, ""],
  ["68 47 54 00 12 00 00 68 01 02 65 F3 D8 16", "000012005447", 0x01, "C032"],
];

describe("frames [DLT645-2007 5.2.4]", () => {
  it.each(published)("%s", (bytes, address, control, identifier) => {
    const frame = findFrame(hex(bytes), any);
    expect(Buffer.from(frame?.address.toReversed() ?? []).toString("hex")).toBe(address);
    expect(frame?.control).toBe(control);
    if (identifier !== "") expect(frame?.data).toEqual(identifierBytes(identifier));
    if (frame !== undefined) expect(encodeFrame(frame, 0)).toEqual(hex(bytes));
  });

  // Four FE, [DLT645-2007 5.3.1] 33h on each byte, [DLT645-2007 5.2.5] and the sum of all.
  it("are led in and sum up [DLT645-2007 5.2.6]", () => {
    const frame = {
      address: addressOf("12345678"),
      control: 0x11,
      data: identifierBytes("02010100"),
    };
    const bytes = "FE FE FE FE 68 78 56 34 12 00 00 68 11 04 33 34 34 35 C9 16";
    expect(encodeFrame(frame)).toEqual(hex(bytes));
  });

  it("whole, split, doubled, behind noise that looks like a beginning", () => {
    const bytes = hex("68 00 00 00 00 00 00 68 91 06 33 34 34 35 4C 56 D9 16");
    for (const at of bytes.keys()) expect(findFrame(bytes.subarray(0, at), any)).toBeUndefined();
    const frame = findFrame(bytes, any);
    expect(frame).toBeDefined();
    expect(findFrame(joined(bytes, bytes), any)).toEqual(frame);
    expect(findFrame(joined(hex("68 16 68 00 00 00 00 00 00 68"), bytes), any)).toEqual(frame);
  });

  it("damaged in one place are never another frame", () => {
    for (const bytes of damaged(hex("68 01 00 00 00 00 00 68 91 06 33 34 34 35 4C 56 DA 16"))) {
      expect(findFrame(bytes, any)).toBeUndefined();
    }
  });

  it("of any content come back as they went", () => {
    const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
    fc.assert(
      fc.property(bytes(6, 6), fc.nat(255), bytes(0, 200), (address, control, data) => {
        const frame = { address, control, data };
        expect(findFrame(encodeFrame(frame), any)).toEqual(frame);
      }),
    );
  });

  it("made of any bytes are found or not, without an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        findFrame(bytes, any);
      }),
    );
  });
});

describe("addresses [DLT645-2007 5.2.2]", () => {
  it("stand lowest byte first, AA fits every digit", () => {
    expect(addressOf("201709320072")).toEqual(hex("72 00 32 09 17 20"));
    expect(addressOf(undefined)).toEqual(hex("AA AA AA AA AA AA"));
    expect(isFrom(addressOf(undefined), addressOf("5"))).toBe(true);
    expect(isFrom(addressOf("5"), addressOf("6"))).toBe(false);
  });
});

describe("decimal values", () => {
  it.each([
    ["19 23", false, 2319],
    ["86 01 00 00", false, 186],
    ["00 00 00", true, 0],
    ["56 34 92", true, -123_456],
    ["FF FF", false, undefined],
    ["FF FF FF", true, undefined],
  ])("%s, signed %s: %s", (bytes, signed, value) => {
    expect(decodeDecimal(hex(bytes), signed)).toBe(value);
  });

  it("with a letter among the digits are no value", () => {
    expect(() => decodeDecimal(hex("1A 23"), false)).toThrow(GatewayError);
    expect(() => decodeDecimal(hex("00 80"), false)).not.toThrow();
    expect(() => decodeDecimal(hex("00 F0"), true)).not.toThrow();
    expect(() => decodeDecimal(hex("00 FA"), true)).toThrow("not decimal");
  });

  it("come back as they went", () => {
    fc.assert(
      fc.property(fc.integer({ min: -799_999, max: 799_999 }), (value) => {
        expect(decodeDecimal(encodeDecimal(value, 3), true)).toBe(value === 0 ? 0 : value);
      }),
    );
  });
});

it("an error word says its reasons", () => {
  expect(errorText(0x02)).toBe("no such data");
  expect(errorText(0x05)).toBe("other error, password wrong or not authorised");
  expect(errorText(0)).toBe("an error without a reason");
});
