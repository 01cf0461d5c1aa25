/** What a single record of bytes is judged to be, and that any bytes give a verdict. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Evidence } from "../../../../drivers/modbus/doctor/index.ts";
import { diagnose } from "../../../../drivers/modbus/doctor/index.ts";
import { framesIn, missingHead } from "../../../../drivers/modbus/doctor/frames.ts";
import { judge } from "../../../../drivers/modbus/doctor/judge.ts";
import { isStretched } from "../../../../drivers/modbus/doctor/wiring.ts";
import { encodeException, encodeRead, encodeReadReply } from "../../../../drivers/modbus/pdu.ts";
import { encodeRtu } from "../../../../drivers/modbus/rtu.ts";

const span = { table: "holding", at: 0, count: 3 } as const;
const pdu = encodeRead(span);
const frame = encodeRtu(9, pdu);
const reply = encodeRtu(9, encodeReadReply(span, [1, 2, 3]));
const line = { wire: "serial", timeout: 500, character: 1 } as const;

function trialOf(...parts: readonly (readonly [number, Uint8Array])[]) {
  const chunks = parts.map(([at, bytes]) => ({ at, bytes }));
  const rest = { unit: 9, pdu, frame, long: false, quick: false, at: 0, connection: 0 };
  return { ...rest, chunks, failure: undefined };
}

describe("a trial", () => {
  const noByte = new Uint8Array();
  it.each([
    ["ok", [[40, reply]]],
    [
      "ok",
      [
        [20, frame],
        [40, reply],
      ],
    ],
    ["exception", [[40, encodeRtu(9, encodeException(pdu, 2))]]],
    ["late", [[900, reply]]],
    ["silent", []],
    ["silent", [[40, Uint8Array.of(0xff)]]],
    ["headless", [[40, reply.subarray(1)]]],
    ["headless", [[40, reply.subarray(2)]]],
    ["damaged", [[40, reply.map((byte, at) => (at === 6 ? byte ^ 8 : byte))]]],
    [
      "damaged",
      [
        [40, reply.map((byte, at) => (at === 6 ? byte ^ 8 : byte))],
        [300, Uint8Array.of(1)],
      ],
    ],
    [
      "garbage",
      [
        [40, reply.map((byte) => byte ^ 0x5a)],
        [41, Uint8Array.of(1, 2, 3)],
      ],
    ],
    ["silent", [[40, noByte]]],
  ] as const)("is %s", (outcome, parts) => {
    expect(judge(trialOf(...parts), line).outcome).toBe(outcome);
  });

  it("tells an echo, a second reply and frames of others", () => {
    const other = encodeRtu(4, encodeRead({ ...span, at: 77 }));
    const judged = judge(trialOf([20, frame], [40, reply], [60, reply], [80, other]), line);
    expect(judged).toMatchObject({ echo: true, replies: 2, outcome: "ok" });
    expect(judged.foreign).toMatchObject([{ kind: "request", unit: 4 }]);
  });
});

describe("frames", () => {
  it("are found between any bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 6, max: 0 }),
        fc.integer({ min: 1, max: 247 }),
        (before, unit) => {
          const request = encodeRtu(unit, pdu);
          const found = framesIn(Uint8Array.from([...before, ...request]));
          expect(found.some((one) => one.kind === "request" && one.unit === unit)).toBe(true);
        },
      ),
    );
  });

  it("that lack up to three bytes are known by their checksum", () => {
    for (const missing of [1, 2, 3]) {
      expect(missingHead(reply.subarray(missing), { unit: 9, pdu }, 6)).toBe(missing);
    }
    expect(missingHead(reply.subarray(4), { unit: 9, pdu }, 6)).toBe(0);
  });
});

describe("stretched bytes", () => {
  it.each([0x00, 0x80, 0xf8, 0xfe, 0xe0])("0x%i is one", (byte) =>
    expect(isStretched(byte)).toBe(true),
  );
  it.each([0x55, 0xaa, 0x01, 0x4d])("0x%i is none", (byte) =>
    expect(isStretched(byte)).toBe(false),
  );
});

describe("any record", () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const chunk = fc.record({ at: fc.integer({ min: 0, max: 3000 }), bytes });
  const trial = fc.record({
    unit: fc.constantFrom(1, 9),
    pdu: fc.constant(pdu),
    frame: fc.constant(frame),
    long: fc.boolean(),
    quick: fc.boolean(),
    at: fc.integer({ min: 0, max: 60_000 }),
    chunks: fc.array(chunk, { maxLength: 4 }),
    failure: fc.constantFrom(undefined, "E_DISCONNECTED" as const),
    connection: fc.integer({ min: 0, max: 3 }),
  });
  const evidence: fc.Arbitrary<Evidence> = fc.record({
    wire: fc.constantFrom("serial" as const, "tcp" as const, "rtu+tcp" as const),
    settings: fc.constant({ baud: 9600, parity: "none", dataBits: 8, stopBits: 1 } as const),
    character: fc.constant(1.04),
    timeout: fc.constant(500),
    failure: fc.constant(undefined),
    latencyTimer: fc.constantFrom(undefined, 1, 16),
    listening: fc.record({ duration: fc.integer({ min: 0, max: 5000 }), chunks: fc.array(chunk) }),
    trials: fc.array(trial, { maxLength: 12 }),
    others: fc.constant([]),
  });

  it("gives likelihoods from 0 to 1, in order, each with a sentence", () => {
    fc.assert(
      fc.property(evidence, (record) => {
        const { findings } = diagnose(record);
        const likelihoods = findings.map(({ likelihood }) => likelihood);
        expect(likelihoods.every((one) => one >= 0 && one <= 1)).toBe(true);
        expect(likelihoods).toEqual(likelihoods.toSorted((a, b) => b - a));
        expect(findings.every((finding) => finding.evidence.length > 0)).toBe(true);
      }),
    );
  });
});
