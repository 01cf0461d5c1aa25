/** Asking on the wire: what is written is read again, and any bytes give a request or a reason. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAnswer, decodeAsk, encodeAnswer, encodeAsk } from "../../telemetry/index.ts";

const name = fc.stringMatching(/^[\w-]{1,64}$/);
const args = fc.dictionary(
  name.filter((key) => !["v", "id", "do", "client", "__proto__"].includes(key)),
  fc.oneof(fc.string(), fc.integer(), fc.boolean()),
  { maxKeys: 5 },
);

describe("a request", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(
        name,
        name,
        fc.option(name, { nil: undefined }),
        args,
        (id, kind, client, rest) => {
          const ask = { id, do: kind, client, args: { ...rest } };
          expect(decodeAsk(Buffer.from(encodeAsk(ask)))).toEqual({ ok: ask });
        },
      ),
    );
  });

  it("or an answer is never thrown at, whatever its bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, (payload) => {
        const decoded = decodeAsk(payload);
        if (!("ok" in decoded)) expect(decoded.problem).not.toBe("");
        decodeAnswer(payload);
      }),
    );
  });
});

describe("an answer", () => {
  it("is read as it was written", () => {
    for (const body of [{ ok: null }, { ok: [1] }, { problem: "p", remedy: "r" }]) {
      const part = { id: "a", part: 2, last: false, body };
      expect(decodeAnswer(Buffer.from(encodeAnswer(part)))).toEqual({ ok: part });
    }
  });

  it.each(['{"v":1}', '{"v":2,"id":"a","part":1,"last":true,"ok":1}', "[]", "null", "x"])(
    "%s is none",
    (text) => {
      expect(decodeAnswer(Buffer.from(text))).toHaveProperty("problem");
    },
  );
});
