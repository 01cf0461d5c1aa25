/** The toolkit of options: durations, sizes, addresses, whole numbers. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Schema } from "../../config/index.ts";
import { address, duration, levelName, size, text, v, whole } from "../../config/index.ts";

/** The value, or the first complaint. */
function parsed(schema: Schema, input: unknown): unknown {
  const result = v.safeParse(schema, input);
  return result.success ? result.output : result.issues[0].message;
}

describe("duration", () => {
  test.each([
    ["0ms", 0],
    ["500ms", 500],
    ["5s", 5000],
    ["1.5s", 1500],
    ["1.1s", 1100],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["30d", 2_592_000_000],
  ])("%s is %i ms", (input, ms) => {
    expect(parsed(duration, input)).toBe(ms);
  });

  test.each(["5", "5 s", "-5s", "5sec", "s", "5S", "1e3s", ".5s", "5s ", "", "5s5m"])(
    "%j is refused with the units that there are",
    (input) => {
      expect(parsed(duration, input)).toBe(`"${input}" is not a duration; units: ms, s, m, h, d`);
    },
  );

  test("a bare number is refused with the units that there are", () => {
    expect(parsed(duration, 5)).toBe("write a duration with its unit (ms, s, m, h, d)");
  });

  test("is always a whole number of milliseconds that can be counted with", () => {
    const number = fc.oneof(fc.nat().map(String), fc.stringMatching(/^\d{1,30}(\.\d{1,9})?$/));
    fc.assert(
      fc.property(number, fc.constantFrom("ms", "s", "m", "h", "d"), (number, unit) => {
        const ms = parsed(duration, number + unit);
        if (ms !== "is too large for a duration") expect(ms).toSatisfy(Number.isSafeInteger);
      }),
    );
    expect(parsed(duration, `${"9".repeat(400)}d`)).toBe("is too large for a duration");
  });
});

describe("size", () => {
  test.each([
    ["512B", 512],
    ["64KiB", 65_536],
    ["1.5MiB", 1_572_864],
    ["2GiB", 2_147_483_648],
    ["0.3KiB", 307],
  ])("%s is %i bytes", (input, bytes) => {
    expect(parsed(size, input)).toBe(bytes);
  });

  test.each(["64", "64KB", "64kib", "64 KiB", "1TiB"])("%j is refused", (input) => {
    expect(parsed(size, input)).toBe(`"${input}" is not a size; units: B, KiB, MiB, GiB`);
  });
});

const schema = address({ tcp: 502, "rtu+tcp": 502, mqtts: 8883 });

describe("address", () => {
  test.each([
    ["tcp://10.0.0.5", { scheme: "tcp", host: "10.0.0.5", port: 502 }],
    ["tcp://10.0.0.5:1502/", { scheme: "tcp", host: "10.0.0.5", port: 1502 }],
    ["rtu+tcp://gateway:0", { scheme: "rtu+tcp", host: "gateway", port: 0 }],
    ["mqtts://hub.example.org", { scheme: "mqtts", host: "hub.example.org", port: 8883 }],
    ["tcp://[::1]:7", { scheme: "tcp", host: "::1", port: 7 }],
    ["tcp://[fe80::1]", { scheme: "tcp", host: "fe80::1", port: 502 }],
    ["tcp://[::ffff:10.0.0.5]:502", { scheme: "tcp", host: "::ffff:10.0.0.5", port: 502 }],
  ])("%s is understood", (input, expected) => {
    expect(parsed(schema, input)).toEqual(expected);
  });

  test.each([
    "10.0.0.5",
    "tcp:10.0.0.5",
    "http://10.0.0.5",
    "tcp://",
    "tcp://:502",
    "tcp://a:65536",
    "tcp://a:b",
    "tcp://a:1:2",
    "tcp://a/path",
    "tcp://a b",
    "tcp://fe80::1",
    "tcp://[fe80::1",
    "tcp://[nonsense]",
    "constructor://a",
    "toString://a",
    7,
  ])("%j is refused with the form it takes", (input) => {
    expect(parsed(schema, input)).toBe(
      "write tcp://HOST:PORT or rtu+tcp://HOST:PORT or mqtts://HOST:PORT",
    );
  });

  test("never repeats a password that was written into it", () => {
    expect(parsed(schema, "tcp://me:hunter2@host:502")).not.toMatch(/hunter2/);
  });
});

describe("whole numbers, names and texts", () => {
  test("take both bounds and nothing beyond or between", () => {
    const digit = whole(1, 9);
    expect([1, 9].map((input) => parsed(digit, input))).toEqual([1, 9]);
    for (const wrong of [0, 10, 1.5, "5", null, Number.NaN, Infinity]) {
      expect(parsed(digit, wrong)).toBe("must be a whole number from 1 to 9");
    }
  });

  test("a name is a topic level", () => {
    expect(parsed(levelName, "rack-12_a")).toBe("rack-12_a");
    for (const wrong of ["", "Rack", "a/b", "a b", "+", "a".repeat(65)]) {
      expect(parsed(levelName, wrong)).toBe("use 1 to 64 of a-z, 0-9, _ and -");
    }
  });

  test("a text holds something", () => {
    expect(parsed(text, "")).toBe("must not be empty");
  });
});
