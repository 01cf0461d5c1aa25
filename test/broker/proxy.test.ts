/** PROXY headers, versions 1 and 2: whole, in pieces, wrong. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readProxyHeader } from "../../broker/proxy.ts";

const signature = "0d0a0d0a000d0a515549540a";

function binary(command: string, family: string, block: string): Buffer {
  const length = (block.length / 2).toString(16).padStart(4, "0");
  return Buffer.from(signature + command + family + length + block, "hex");
}

const tcp4 = "c0000201c6336401dc04075b";
const tcp6 = `20010db8${"00".repeat(11)}0120010db8${"00".repeat(11)}02dc04075b`;

const good: readonly (readonly [string, Buffer, string | undefined])[] = [
  ["1 TCP4", Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.1 56324 1883\r\n"), "192.0.2.1"],
  ["1 TCP6", Buffer.from("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"), "2001:db8::1"],
  ["1 UNKNOWN", Buffer.from("PROXY UNKNOWN\r\n"), undefined],
  ["1 UNKNOWN with more", Buffer.from("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), undefined],
  ["2 TCP4", binary("21", "11", tcp4), "192.0.2.1"],
  ["2 TCP4 with more behind", binary("21", "11", `${tcp4}03000400000000`), "192.0.2.1"],
  ["2 TCP6", binary("21", "21", tcp6), "2001:db8::1"],
  ["2 LOCAL", binary("20", "00", ""), undefined],
  ["2 of a kind not known", binary("21", "31", "00".repeat(216)), undefined],
];

describe("a PROXY header", () => {
  it.each(good)("of version %s says for whom, and how long it is", (_name, bytes, remote) => {
    const whole = Buffer.concat([bytes, Buffer.from("\x10\x0e")]);
    expect(readProxyHeader(whole)).toEqual({ kind: "header", length: bytes.length, remote });
    for (let length = 0; length < bytes.length; length += 1) {
      expect(readProxyHeader(bytes.subarray(0, length)), `${length}`).toEqual({ kind: "more" });
    }
  });

  it.each([
    ["MQTT", Buffer.from("\x10\x0e\0\x04MQTT")],
    ["another word", Buffer.from("PROXZ TCP4")],
    ["an address of the other family", Buffer.from("PROXY TCP4 ::1 ::1 1 2\r\n")],
    ["no address", Buffer.from("PROXY TCP4 1 2 3 4\r\n")],
    ["a port too large", Buffer.from("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n")],
    ["no end", Buffer.from(`PROXY UNKNOWN ${"x".repeat(100)}`)],
    ["version 3", binary("31", "11", tcp4)],
    ["another command", binary("22", "11", tcp4)],
    ["too few addresses", binary("21", "21", tcp4)],
    ["too long a block", Buffer.from(`${signature}2111ffff`, "hex")],
  ])("is none with %s", (_name, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: "bad" });
  });

  it("whatever comes, it is read, waited for or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (tail, signed) => {
        const bytes = Buffer.concat([Buffer.from(signed ? signature : "", "hex"), tail]);
        const header = readProxyHeader(bytes);
        if (header.kind === "header") expect(header.length).toBeLessThanOrEqual(bytes.length);
        if (header.kind === "more") expect(bytes.length).toBeLessThan(2064);
      }),
    );
  });
});
