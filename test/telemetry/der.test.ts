/** DER [RFC 5280 §4.1]: what is written reads back, and any bytes are read without a throw. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeCertified,
  decodeEnrol,
  decodeToken,
  der,
  encodeToken,
} from "../../telemetry/index.ts";

const bytes = fc.uint8Array({ maxLength: 400 });

describe("DER", () => {
  it("reads back what it wrote, of any length", () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 8 }), (contents) => {
        const whole = der.sequence(...contents.map((content) => der.octets(content)));
        const parts = der.partsOf(der.readDer(whole) ?? expect.fail("not whole"));
        expect(parts?.map(({ content }) => [...content])).toEqual(contents.map((one) => [...one]));
      }),
    );
  });

  it("gives nothing for a value that is cut, and never throws", () => {
    const whole = der.sequence(der.octets(Buffer.alloc(300)), der.oid("1.2.840.10045.4.3.2"));
    for (let end = 0; end < whole.length; end += 1) {
      expect(der.readDer(whole.subarray(0, end))).toBeUndefined();
    }
    fc.assert(
      fc.property(bytes, (given) => {
        const read = der.readDer(given);
        if (read !== undefined) der.partsOf(read);
      }),
    );
  });

  it("writes what ITU X.690 shows", () => {
    expect(der.oid("1.2.840.113549").toString("hex")).toBe("06062a864886f70d");
    expect(der.integer(Buffer.from([0, 0x80])).toString("hex")).toBe("02020080");
    expect(der.integer(Buffer.from([0, 0])).toString("hex")).toBe("020100");
  });

  it("writes times as certificates have them [RFC 5280 §4.1.2.5]", () => {
    const text = (iso: string): string => der.time(Date.parse(iso)).subarray(2).toString();
    expect(text("2049-12-31T23:59:59Z")).toBe("491231235959Z");
    expect(text("2050-01-01T00:00:00Z")).toBe("20500101000000Z");
  });
});

describe("a token", () => {
  const token = {
    id: "0123456789abcdef",
    secret: "0123456789abcdef0123456789abcdef",
    agent: "edge-1",
    site: "local/main/hall",
    hub: "ab".repeat(32),
  };

  it("reads back; anything else is none", () => {
    expect(decodeToken(encodeToken(token))).toEqual(token);
    expect(decodeToken(encodeToken({ ...token, agent: "Edge 1" }))).toBeUndefined();
    expect(decodeToken(encodeToken({ ...token, hub: "abc" }))).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => decodeToken(text) === undefined));
  });
});

it("messages of enrolment: any bytes are read without a throw", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        bytes,
        fc.json().map((text) => Buffer.from(text)),
      ),
      (payload) => {
        decodeEnrol(payload);
        decodeCertified(payload);
      },
    ),
  );
});
