/** Numbers digit by digit are what JavaScript shows; texts of any script are kept. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { LineBytes } from "../../store/line-bytes.ts";

const bytes = new LineBytes();
const key = Buffer.from(",x=");

function shown(value: number): string {
  bytes.addBytes(Buffer.from("m"));
  bytes.addNumber(key, value);
  return bytes.take().toString();
}

/** What readings are: whole numbers over a power of ten, near the limits of each way to write. */
const decimal = fc
  .tuple(fc.maxSafeInteger(), fc.nat(6), fc.constantFrom(1, 2 ** 53, 1e9, 1e7, 1e5))
  .map(([whole, digits, limit]) => (whole % (limit * 1000)) / 10 ** digits);

test("a number is written as JavaScript shows it", () => {
  const number = fc.oneof(decimal, fc.double({ noNaN: true, noDefaultInfinity: true }));
  const property = fc.property(number, (value) => {
    expect(shown(value)).toBe(`m,x=${value}`);
  });
  fc.assert(property, { numRuns: 20_000 });
});

test.each([
  0,
  -0,
  9,
  10,
  -10,
  999_999_999,
  1e9,
  1e9 + 1,
  10_000_000_007,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_VALUE,
  Number.MAX_VALUE,
  1e21,
  0.1,
  0.01,
  0.0001,
  0.000_099,
  99_999.9999,
  9_999_999.99,
  0.1 + 0.2,
  Math.fround(230.1),
])("%d is written as JavaScript shows it", (value) => {
  expect(shown(value)).toBe(`m,x=${value}`);
});

test("texts of any script are kept, and the buffer grows", () => {
  const text = fc.string({ unit: "binary", maxLength: 3000 });
  const property = fc.property(text, text, (head, value) => {
    bytes.addBytes(Buffer.from(head));
    bytes.addText(key, value);
    bytes.addChar(0x69);
    expect(bytes.take().toString()).toBe(`${head},x=${value}i`.toWellFormed());
  });
  fc.assert(property);
});
