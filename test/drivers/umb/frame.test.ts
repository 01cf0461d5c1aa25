/** UMB frames and channel answers: published ones, and every way in which they go wrong. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAnswer, encodeRequest, statusText } from "../../../drivers/umb/channels.ts";
import { addressOf, encodeFrame, findFrame } from "../../../drivers/umb/frame.ts";
import { damaged, hex } from "../polled/world.ts";

const any = (): boolean => true;
const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(parts));

const seven =
  "01 10 01 70 01 F0 11 02 2F 10 07 64 00 C8 00 2C 01 91 01 F5 01 71 02 C0 03 03 8A AC 04";

describe("frames", () => {
  it.each([
    [0x7001, [100], "01 10 01 70 01 F0 05 02 2F 10 01 64 00 03 71 4B 04"],
    [0x70c8, [100], "01 10 C8 70 01 F0 05 02 2F 10 01 64 00 03 68 3D 04"],
    [0x7001, [100, 200, 300, 401, 501, 625, 960], seven],
  ])("%i asked for %j is as the maker prints it [UMB-1.0 3.11]", (to, channels, bytes) => {
    const payload = encodeRequest(channels);
    const frame = { to, from: 0xf001, command: 0x2f, commandVersion: 0x10, payload };
    expect(encodeFrame(frame)).toEqual(hex(bytes));
    expect(findFrame(hex(bytes), any)).toEqual(frame);
  });

  it("name a device by its class and number", () => {
    expect(addressOf(7, 200)).toBe(0x70c8);
  });

  it("whole, split, doubled, behind noise", () => {
    const bytes = hex(seven);
    for (const at of bytes.keys()) expect(findFrame(bytes.subarray(0, at), any)).toBeUndefined();
    const frame = findFrame(bytes, any);
    expect(findFrame(joined(bytes, bytes), any)).toEqual(frame);
    expect(findFrame(joined(hex("01 10 01 70 01 F0 11 02"), bytes), any)).toEqual(frame);
  });

  it("damaged in one place are never another frame", () => {
    for (const bytes of damaged(hex(seven))) expect(findFrame(bytes, any)).toBeUndefined();
  });

  it("of any content come back as they went", () => {
    const payload = fc.uint8Array({ maxLength: 208 });
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.nat(0xffff),
        fc.nat(255),
        payload,
        (to, from, command, own) => {
          const frame = { to, from, command, commandVersion: 0x10, payload: own };
          expect(findFrame(encodeFrame(frame), any)).toEqual(frame);
        },
      ),
    );
  });
});

describe("answers [UMB-1.0 3.11]", () => {
  it("hold values of each type, and why there is none", () => {
    const answer = decodeAnswer(
      hex(
        `00 06  08 00 64 00 16 F5 54 E1 41  05 00 C8 00 10 37  05 00 BC 02 11 FF
         06 00 58 02 13 FE FF  03 24 90 01  08 00 F4 01 15 FF FF FF FF`,
      ),
    );
    expect(answer?.status).toBe(0);
    const values = [...(answer?.channels ?? [])].map(([channel, { value }]) => [channel, value]);
    expect(values).toEqual([
      [100, 28.166_48],
      [200, 55],
      [700, -1],
      [600, -2],
      [400, undefined],
      [500, -1],
    ]);
    expect(answer?.channels.get(400)?.status).toBe(0x24);
    expect(statusText(0x24)).toBe("invalid channel");
    expect(statusText(0x77)).toBe("status 77");
  });

  it.each([
    ["nothing", ""],
    ["a part longer than the rest", "00 01 08 00 64 00 16 F5 54"],
    ["a part too short for a channel", "00 01 02 00 64"],
    ["an unknown type", "00 01 05 00 64 00 18 01"],
    ["a value of another length", "00 01 06 00 64 00 16 01 02"],
    ["more than it says", "00 01 05 00 64 00 10 01 55"],
  ])("%s is none", (_what, bytes) => {
    expect(decodeAnswer(hex(bytes))).toBeUndefined();
  });

  it("of any bytes are read or not, without an error", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void decodeAnswer(bytes)));
  });
});
