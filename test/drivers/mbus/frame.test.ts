/** M-Bus frames: whole, split, doubled, truncated, corrupted. [MBUS-DOC 5.2] [MBUS-DOC 5.3] */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeLong, encodeShort, findResponse } from "../../../drivers/mbus/frame.ts";
import { damaged, hex } from "../polled/world.ts";

const any = (): boolean => true;
const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(parts));

/** A real heat cost meter's telegram (github.com/rscada/libmbus, emh_diz.hex). */
const telegram = hex(
  `68 21 21 68 08 01 72 02 37 62 00 A8 15 00 02 07 00 00 00 8C 10 04 09 04 00 00
   C4 00 2A 00 00 00 00 01 FD 17 00 8C 16`,
);

describe("requests", () => {
  it("are short, or long to select a meter", () => {
    expect(encodeShort(0x40, 5)).toEqual(hex("10 40 05 45 16"));
    expect(encodeShort(0x7b, 253)).toEqual(hex("10 7B FD 78 16"));
    const data = hex("78 56 34 12 FF FF FF FF");
    const select = encodeLong({ control: 0x73, address: 253, information: 0x52, data });
    expect(select).toEqual(hex("68 0B 0B 68 73 FD 52 78 56 34 12 FF FF FF FF D2 16"));
  });
});

describe("responses", () => {
  it("whole, split, doubled, behind noise that looks like a beginning", () => {
    for (const at of telegram.keys()) {
      expect(findResponse(telegram.subarray(0, at), any)).toBeUndefined();
    }
    const frame = findResponse(telegram, any);
    expect(frame).toMatchObject({ control: 0x08, address: 1, information: 0x72 });
    expect(findResponse(joined(telegram, telegram), any)).toEqual(frame);
    expect(findResponse(joined(hex("E5 68 21 21 68 08"), telegram), any)).toEqual(frame);
  });

  it("damaged in one place are never another frame", () => {
    for (const bytes of damaged(telegram)) expect(findResponse(bytes, any)).toBeUndefined();
  });

  it("of any content come back as they went, with the flags of their control byte", () => {
    const data = fc.uint8Array({ maxLength: 252 });
    const control = fc.constantFrom(0x08, 0x18, 0x28, 0x38);
    fc.assert(
      fc.property(control, fc.nat(255), fc.nat(255), data, (control, address, information, own) => {
        const frame = { control, address, information, data: own };
        expect(findResponse(encodeLong(frame), any)).toEqual(frame);
      }),
    );
  });

  it("are no requests of the master that an adapter hears", () => {
    const frame = { control: 0x73, address: 253, information: 0x52, data: new Uint8Array(8) };
    expect(findResponse(encodeLong(frame), any)).toBeUndefined();
  });
});
