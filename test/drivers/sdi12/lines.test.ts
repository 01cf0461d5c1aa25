/** Lines of SDI-12: the standard's own CRC, values, and every way in which a line goes wrong. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  crcText,
  decodeIdentification,
  decodePromise,
  decodeValues,
  findLine,
} from "../../../drivers/sdi12/lines.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text, "latin1");
const withCrc = (received: string) =>
  findLine(bytesOf(received), { command: "0D0!", address: "0" }, (line, own) =>
    decodeValues(line, own, true),
  );

describe("values", () => {
  it("carry the CRC that the standard prints [SDI12-1.4 4.4.12]", () => {
    expect(crcText("0+3.14")).toBe("OqZ");
    expect(decodeValues("+3.14OqZ", "0", true)).toEqual(["+3.14"]);
    expect(decodeValues("+3.15OqZ", "0", true)).toBeUndefined();
    expect(decodeValues("+3.14", "0", true)).toBeUndefined();
  });

  it.each([
    ["", []],
    ["+3.14", ["+3.14"]],
    ["+1-2.5+.5-7.", ["+1", "-2.5", "+.5", "-7."]],
    ["+1234567", ["+1234567"]],
    ["+12345678", undefined],
    ["3.14", undefined],
    ["+3.14x", undefined],
    ["+-1", undefined],
    ["+1.2.3", undefined],
  ])("%j: %j [SDI12-1.4 4.4]", (line, values) => {
    expect(decodeValues(line, "0", false)).toEqual(values);
  });

  it("damaged in one place are never other values", () => {
    const line = "0+12.5-3.75+101";
    const whole = `${line}${crcText(line)}\r\n`;
    expect(withCrc(whole)).toEqual(["+12.5", "-3.75", "+101"]);
    for (let at = 0; at < whole.length; at += 1) {
      expect(withCrc(whole.slice(0, at))).toBeUndefined();
      expect(withCrc(whole.slice(0, at) + whole.slice(at + 1))).toBeUndefined();
      for (const bit of [1, 2, 4, 8, 16, 32, 64]) {
        const other = String.fromCodePoint(whole.charCodeAt(at) ^ bit);
        expect(withCrc(whole.slice(0, at) + other + whole.slice(at + 1))).toBeUndefined();
      }
    }
  });

  it("of any kind come back as they went", () => {
    const value = fc
      .tuple(fc.constantFrom("+", "-"), fc.nat(9999), fc.option(fc.nat(999)))
      .map(([sign, whole, part]) => `${sign}${whole}${part === null ? "" : `.${part}`}`);
    fc.assert(
      fc.property(fc.array(value, { maxLength: 9 }), (values) => {
        const line = `0${values.join("")}`;
        expect(withCrc(`${line}${crcText(line)}\r\n`)).toEqual(values);
      }),
    );
  });
});

describe("the line for a command", () => {
  it("is found behind its echo, a break's NUL, and a neighbour's line", () => {
    const line = `0+1${crcText("0+1")}\r\n`;
    for (const before of ["", "0D0!", "\0", "\x000D0!", "7+5\r\n", "0D0!7+5\r\n", "0+9XYZ\r\n"]) {
      expect(withCrc(`${before}${line}`)).toEqual(["+1"]);
    }
    expect(withCrc(line + line)).toEqual(["+1"]);
    expect(withCrc(line.replace(/^0/, "1"))).toBeUndefined();
  });

  it("in any bytes is found or not, without an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const asked = { command: "0M!", address: "0" };
        findLine(bytes, asked, decodePromise);
        findLine(bytes, asked, decodeIdentification);
        findLine(bytes, asked, (line, own) => decodeValues(line, own, false));
      }),
    );
  });
});

it("a promise tells time and number of values", () => {
  expect(decodePromise("0133")).toEqual({ seconds: 13, count: 3 });
  expect(decodePromise("00112")).toEqual({ seconds: 1, count: 12 });
  expect(decodePromise("013")).toBeUndefined();
  expect(decodePromise("013x")).toBeUndefined();
});

it("a sensor says who it is [SDI12-1.4 4.4.2]", () => {
  const ott = decodeIdentification("14OTTHYDROPLS5001001234567");
  expect(ott).toEqual({ vendor: "OTTHYDRO", model: "PLS500" });
  expect(decodeIdentification("14METER   TER12 317")).toEqual({ vendor: "METER", model: "TER12" });
  expect(decodeIdentification("14METER")).toBeUndefined();
});
