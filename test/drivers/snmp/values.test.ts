/** Values of any kind and any bytes become numbers, texts or nothing, and never throw. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { channelOf, channelPattern } from "../../../drivers/snmp/channel.ts";
import { Cells } from "../../../drivers/snmp/cells.ts";
import { desDecrypt, desEncrypt } from "../../../drivers/snmp/des.ts";
import { compareOids, encodedLength, indexBelow, oidPattern } from "../../../drivers/snmp/oid.ts";
import { counterBits, numberIn, plainOf, rawOf } from "../../../drivers/snmp/values.ts";
import { oidBytes } from "./ber.ts";

const arc = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const oid = fc.array(arc, { minLength: 1, maxLength: 20 }).map((arcs) => `1.3.${arcs.join(".")}`);

describe("values", () => {
  test("a Counter64 is what its octets say, the sign's octet or not", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (count) => {
        const hex = count.toString(16);
        const even = hex.length % 2 === 0 ? hex : `0${hex}`;
        const octets = Buffer.from(even, "hex");
        const signed = Buffer.concat([Buffer.alloc((octets[0] ?? 0) >= 128 ? 1 : 0), octets]);
        expect(plainOf({ oid: "1.3", type: 0x46, value: signed })).toBe(count);
      }),
    );
  });

  test("a float in an Opaque is that float", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const value = Buffer.from([0x9f, 0x78, 4, 0, 0, 0, 0]);
        value.writeFloatBE(number, 3);
        const plain = plainOf({ oid: "1.3", type: 0x44, value });
        expect(plain).toBe(Number(number.toPrecision(7)));
      }),
      { examples: [[230.5], [0]] },
    );
    const value = Buffer.from("9f78044366800000", "hex").subarray(0, 7);
    expect(plainOf({ oid: "1.3", type: 0x44, value })).toBe(230.5);
  });

  test("whatever comes, nothing throws, and a text has no control characters", () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc.integer(),
      fc.double(),
      fc.string(),
      fc.constantFrom(null, undefined, true, {}),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), anything, (type, value) => {
        const plain = plainOf({ oid: "1.3", type, value });
        if (typeof plain === "number") expect(Number.isFinite(plain)).toBe(true);
        if (value instanceof Uint8Array && typeof plain === "string") {
          expect(plain).not.toMatch(/\p{Cc}/u);
        }
        expect(typeof rawOf({ oid: "1.3", type, value })).toBe("string");
      }),
    );
  });

  test("numbers written as texts are numbers; nothing else is", () => {
    for (const [text, number] of [
      [" 23.5 ", 23.5],
      ["-7", -7],
      ["+0", 0],
      ["23,5", undefined],
      ["0x10", undefined],
      ["1e9", undefined],
      ["", undefined],
      ["n/a", undefined],
    ] as const) {
      expect(numberIn(text)).toBe(number);
    }
    expect(counterBits({ oid: "1", type: 0x41, value: 1 })).toBe(32);
    expect(counterBits({ oid: "1", type: 0x42, value: 1 })).toBeUndefined();
  });
});

describe("names", () => {
  // [RFC 2578 3.5]
  test("have 128 arcs at most, each without a zero in front", () => {
    fc.assert(fc.property(oid, (name) => oidPattern.test(name)));
    for (const bad of ["1", "3.1", "1.03", "1..3", ".1.3", "1.3.", `1${".1".repeat(128)}`]) {
      expect(bad).not.toMatch(oidPattern);
    }
  });

  test("are in the order of their arcs, and as long on the wire as they are", () => {
    fc.assert(
      fc.property(oid, oid, (one, other) => {
        expect(Math.sign(compareOids(one, other))).toBe(-Math.sign(compareOids(other, one)) + 0);
        expect(compareOids(one, `${one}.0`)).toBeLessThan(0);
        expect(encodedLength(one)).toBe(oidBytes(one).length);
        expect(indexBelow(one, `${one}.7.8`)).toBe("7.8");
      }),
    );
    expect(indexBelow("1.3.6", "1.3.61.1")).toBeUndefined();
  });

  test("of channels come of the index, its parts and columns of names", () => {
    const cells = new Cells();
    cells.put({ oid: "1.3.9.1.2", type: 4, value: Buffer.from("Rack A\0") });
    cells.put({ oid: "1.3.8.1", type: 4, value: Buffer.from("PDU") });
    expect(channelOf("{index1}-L{index2}", "1.2", cells)).toBe("1-L2");
    expect(channelOf("{1.3.8:1} {1.3.9}", "1.2", cells)).toBe("PDU Rack A");
    expect(channelOf("{1.3.9}", "1.3", cells)).toBeUndefined();
    for (const bad of ["{name}", "{index", "{index0}", "{}"]) {
      expect(channelPattern.test(bad)).toBe(false);
    }
  });
});

test("DES takes back what it made, padded with zeros", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 100 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      (plain, key) => {
        const { encryptedPdu, msgPrivacyParameters } = desEncrypt(plain, key);
        const back = desDecrypt(encryptedPdu, key, msgPrivacyParameters);
        expect(back.subarray(0, plain.length)).toEqual(Buffer.from(plain));
        expect(back.subarray(plain.length).every((byte) => byte === 0)).toBe(true);
      },
    ),
  );
});
