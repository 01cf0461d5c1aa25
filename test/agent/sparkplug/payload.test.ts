/** The payload codec: every message comes back as it went, and any bytes give a word. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePayload, encodePayload, payloadForm } from "../../../agent/sparkplug/payload.ts";
import { limits } from "../../../agent/sparkplug/protobuf.ts";
import { messages } from "./messages.ts";

describe("the Sparkplug payload", () => {
  it("comes back as it went, all messages of the proto", () => {
    fc.assert(
      fc.property(messages(payloadForm, 4), (payload) => {
        expect(decodePayload(encodePayload(payload))).toEqual({ ok: payload });
      }),
    );
  });

  it("any bytes give a payload or a reason", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoded = decodePayload(bytes);
        if ("ok" in decoded) {
          // What was understood stays understood, and stays the same.
          expect(decodePayload(encodePayload(decoded.ok))).toEqual(decoded);
        } else expect(decoded.problem).not.toBe("");
      }),
      { numRuns: 2000 },
    );
  });

  it("a payload that is cut or changed anywhere gives a payload or a reason", () => {
    fc.assert(
      fc.property(messages(payloadForm, 3), fc.nat(), fc.nat(255), (payload, at, byte) => {
        const bytes = encodePayload(payload);
        if (bytes.length === 0) return;
        decodePayload(bytes.subarray(0, at % bytes.length));
        bytes[at % bytes.length] = byte;
        decodePayload(bytes);
      }),
    );
  });

  it("bounds: length, and messages in each other", () => {
    expect(decodePayload(new Uint8Array(limits.bytes + 1))).toHaveProperty("problem");
    // Field 18 of a metric is a template, whose field 2 is a metric.
    let inner: Uint8Array = new Uint8Array();
    for (let level = 0; level < limits.depth; level += 1) {
      inner = wrapped([0x92, 0x01], wrapped([0x12], inner));
    }
    expect(decodePayload(wrapped([0x12], inner))).toHaveProperty("problem");
  });

  it("skips what others added, and takes packed numbers and merged messages", () => {
    const unknown = [0xa0, 0x06, 0x01, 0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0xa5, 0x06, 1, 2, 3, 4];
    expect(decodePayload(Uint8Array.from(unknown))).toEqual({ ok: {} });
    const types = wrapped([0x12], wrapped([0x8a, 0x01], Uint8Array.from([0x1a, 2, 3, 4])));
    const metrics = [{ dataset_value: { types: [3, 4] } }];
    expect(decodePayload(types)).toEqual({ ok: { metrics } });
    const twice = Buffer.concat([
      wrapped([0x42], Uint8Array.from([0x18, 1])),
      wrapped([0x42], Uint8Array.from([0x20, 2])),
    ]);
    const merged = [{ metadata: { size: 1n, seq: 2n } }];
    expect(decodePayload(wrapped([0x12], twice))).toEqual({ ok: { metrics: merged } });
    // Of alternatives the last counts.
    const both = Uint8Array.from([0x50, 1, 0x70, 1]);
    const last = { ok: { metrics: [{ boolean_value: true }] } };
    expect(decodePayload(wrapped([0x12], both))).toEqual(last);
    for (const bad of [[0x0b], [0x02, 0], [0x08], [0x12, 5, 1], [0x22, 1, 0xff]]) {
      expect(decodePayload(Uint8Array.from(bad))).toHaveProperty("problem");
    }
  });
});

function wrapped(tag: readonly number[], inner: Uint8Array): Uint8Array {
  const length = [];
  let rest = inner.length;
  for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Uint8Array.from([...tag, ...length, rest]), inner]);
}
