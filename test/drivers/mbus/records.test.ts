/** M-Bus records: quantities, numbers, places, and what no meter should send. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DataRecord } from "../../../drivers/mbus/records.ts";
import { decodeRecords } from "../../../drivers/mbus/records.ts";
import {
  decodeResponse,
  isSelected,
  refusalOf,
  selectionOf,
} from "../../../drivers/mbus/response.ts";
import { hex } from "../polled/world.ts";

const one = (bytes: string): DataRecord | undefined => decodeRecords(hex(bytes)).records[0];

/** Value in the quantity's own unit. */
function told(record: DataRecord | undefined): unknown {
  const { value, quantity } = record ?? {};
  if (typeof value !== "number" || quantity === undefined) return value;
  return Number(((value * quantity.times) / quantity.over + quantity.plus).toPrecision(12));
}

describe("quantities [MBUS-DOC 8.4]", () => {
  it.each([
    ["04 06 E7 91 00 00", "energy", 37_351_000],
    ["04 0E 10 0E 00 00", "energy", 1_000_000],
    ["04 FB 01 02 00 00 00", "energy", 2_000_000],
    ["04 FB 09 24 00 00 00", "energy", 10_000_000],
    ["04 13 4C 01 00 00", "volume", 0.332],
    ["04 2D 5B 01 00 00", "power", 34_700],
    ["02 35 20 1C", "power", 200_000],
    ["04 3B 1F 02 00 00", "volume_flow", 0.543],
    ["02 43 0A 00", "volume_flow", 0.06],
    ["02 4B 01 00", "volume_flow", 0.0036],
    ["02 59 B9 27", "flow_temperature", 101.69],
    ["02 5F 15 00", "return_temperature", 21],
    ["03 60 FF FF FF", "temperature_difference", -0.001],
    ["02 65 D0 08", "external_temperature", 22.56],
    ["02 6A 05 00", "pressure", 50_000],
    ["04 22 D9 03 00 00", "on_time", 3_546_000],
    ["02 27 98 04", "operating_time", 101_606_400],
    ["02 FD 48 D1 08", "voltage", 225.7],
    ["03 FD 59 BE FF FF", "current", -0.066],
    ["02 FB 2E 88 13", "frequency", 500],
    ["01 FB 1A 64", "relative_humidity", 10],
    ["02 FD 17 00 80", "error_flags", 32_768],
    ["02 93 7D 05 00", "volume", 5],
    ["02 93 74 05 00", "volume", 0.000_05],
    ["02 93 7A 05 00", "volume", 0.0051],
  ])("%s is %s of %d", (bytes, name, value) => {
    const record = one(bytes);
    expect(record?.quantity?.name).toBe(name);
    expect(told(record)).toBe(value);
  });

  it.each([
    ["what the maker alone knows", "01 FF 93 00 00"],
    ["what an extension makes another quantity of", "04 90 28 08 00 00 00"],
    ["a phase in the maker's own extension", "02 FD C8 FF 01 D1 08"],
    ["a date", "02 6C BF 1C"],
  ])("%s has none, and keeps its number", (_what, bytes) => {
    expect(one(bytes)).toMatchObject({ quantity: undefined, value: expect.any(Number) });
  });

  it("a record that says it has no data has no value", () => {
    expect(one("04 DE 15 01 00 00 00")).toMatchObject({ value: undefined });
  });
});

describe("numbers [MBUS-DOC 8.4]", () => {
  it.each([
    ["0C 13 67 45 23 01", 1_234_567],
    ["0A 13 34 F2", -234],
    ["09 13 F5", -5],
    ["0B 13 FF FF FF", undefined],
    ["0A 13 3A 12", undefined],
    ["01 13 80", -128],
    ["02 13 00 80", undefined],
    ["04 13 FF FF FF FF", -1],
    ["06 13 01 00 00 00 00 80", -140_737_488_355_327],
    ["07 13 00 00 00 00 01 00 00 00", 4_294_967_296],
    ["05 13 66 66 A6 41", 20.8],
    ["05 13 00 00 C0 7F", undefined],
    ["0D 13 03 43 42 41", "ABC"],
    ["00 13", undefined],
    ["08 13", undefined],
  ])("%s is %s", (bytes, value) => {
    expect(one(bytes)?.value).toBe(value);
  });
});

describe("places [MBUS-DOC 6.3]", () => {
  it.each([
    ["04 13 00 00 00 00", ["instantaneous", 0, 0, 0]],
    ["54 13 00 00 00 00", ["maximum", 1, 0, 0]],
    ["64 13 00 00 00 00", ["minimum", 1, 0, 0]],
    ["84 10 13 00 00 00 00", ["instantaneous", 0, 1, 0]],
    ["C4 C0 40 13 00 00 00 00", ["instantaneous", 1, 0, 3]],
    ["8C 90 10 13 00 00 00 00", ["instantaneous", 0, 5, 0]],
    ["84 8F 0F 13 00 00 00 00", ["instantaneous", 510, 0, 0]],
  ])("%s", (bytes, place) => {
    const { function: kind, storage, tariff, subunit } = one(bytes) ?? {};
    expect([kind, storage, tariff, subunit]).toEqual(place);
  });

  it("a text names a quantity before its extensions, or behind them", () => {
    expect(one("02 FC 03 48 52 25 74 D4 11")).toMatchObject({
      named: "%RH",
      vif: "FC74",
      value: 4564,
    });
    expect(one("03 FC 20 03 43 42 41 15 31 00")).toMatchObject({ named: "ABC", vif: "FC20" });
    expect(one("02 FC 03 48 52")).toBeUndefined();
  });

  it("fillers are passed over, what the maker keeps for itself ends the list", () => {
    const { records, more } = decodeRecords(hex("2F 2F 01 FD 17 00 0F 01 02 03"));
    expect(records).toHaveLength(1);
    expect(more).toBe(false);
    expect(decodeRecords(hex("01 FD 17 00 1F 01")).more).toBe(true);
  });

  it.each([
    ["a cut record", "04 13 00 00"],
    ["more extensions of the place than there may be", `84${" 80".repeat(11)} 13 00 00 00 00`],
    ["more extensions of the quantity than there may be", `04 93${" F4".repeat(11)} 00 00 00 00`],
    ["extensions without an end", "84 80 80"],
    ["a special length", "0D 13 C0 00"],
  ])("%s ends it too", (_what, bytes) => {
    const { records } = decodeRecords(hex(`01 FD 17 00 ${bytes}`));
    expect(records).toHaveLength(1);
  });

  it("any bytes give records or none, without an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 240 }), (data) => {
        for (const { value } of decodeRecords(data).records) {
          if (typeof value === "number") expect(Number.isFinite(value)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("headers", () => {
  const kamstrup = hex("17 58 85 06 2D 2C 08 04 04 20 00 00");
  const frame = { control: 8, address: 1, information: 0x72, data: kamstrup };

  it("say who a meter is, and select it [MBUS-DOC 7.1]", () => {
    const { identity, status } = decodeResponse(frame);
    expect(identity).toEqual({ id: "06855817", manufacturer: "KAM", version: 8, medium: 4 });
    expect(status).toBe(0x20);
    if (identity === undefined) throw new Error("no identity");
    expect(selectionOf(identity)).toEqual(kamstrup.slice(0, 8));
    const anybody = {
      id: "0685FFFF",
      manufacturer: undefined,
      version: undefined,
      medium: undefined,
    };
    expect(Buffer.from(selectionOf(anybody)).toString("hex")).toBe("ffff8506ffffffff");
    expect(isSelected(anybody, identity)).toBe(true);
    expect(isSelected({ ...anybody, version: 9 }, identity)).toBe(false);
    expect(isSelected({ ...anybody, id: "1685FFFF" }, identity)).toBe(false);
  });

  it.each([
    ["an application error [MBUS-DOC 6.6]", { information: 0x70, data: hex("08") }, "it is busy"],
    ["high bytes first", { information: 0x76, data: hex("00") }, "(CI 76)"],
    ["a cut fixed structure", { information: 0x73, data: hex("00") }, "cut off"],
    ["a cut header", { information: 0x72, data: hex("00 01") }, "cut off"],
    ["encryption", { information: 0x7a, data: hex("01 00 00 05") }, "encrypted"],
  ])("%s is refused", (_what, part, why) => {
    expect(refusalOf({ ...frame, ...part })).toContain(why);
  });

  it("may be short or none", () => {
    expect(refusalOf({ ...frame, information: 0x7a, data: hex("01 00 00 00") })).toBeUndefined();
    const bare = decodeResponse({ ...frame, information: 0x78, data: hex("01 FD 17 03") });
    expect(bare).toMatchObject({ identity: undefined, status: 0 });
    expect(bare.records).toHaveLength(1);
  });
});

describe("the fixed structure [MBUS-DOC 6.2]", () => {
  const of = (bytes: string) => {
    const frame = { control: 8, address: 1, information: 0x73, data: hex(bytes) };
    expect(refusalOf(frame)).toBeUndefined();
    return decodeResponse(frame);
  };

  it("has two counters: a real meter's (github.com/rscada/libmbus, sen_pollusonic_2.hex)", () => {
    const { identity, records, status } = of("93 92 91 90 10 00 05 69 31 65 00 00 69 00 00 00");
    expect(identity?.id).toBe("90919293");
    expect(status).toBe(0);
    expect(records.map((one) => [one.quantity?.name, told(one)])).toEqual([
      ["energy", 6_531_000],
      ["volume", 0.069],
    ]);
  });

  it("has binary counters, and the second as the first of a set day", () => {
    const { records, status } = of("78 56 34 12 0A 09 E9 7E 01 00 00 00 35 01 00 00");
    expect(status).toBe(8);
    expect(records.map((one) => [one.storage, one.quantity?.name, told(one)])).toEqual([
      [0, "volume", 0.001],
      [1, "volume", 0.309],
    ]);
  });

  it.each([
    ["0B", "energy", 1 / 3.6],
    ["17", "power", 1000],
    ["1D", "power", 1 / 3.6],
    ["35", "volume_flow", 1],
    ["38", "external_temperature", 0.001],
    ["00", undefined, 1],
    ["3F", undefined, 1],
  ])("unit %s is %s of %d", (code, name, value) => {
    const [first] = of(`00 00 00 00 00 00 ${code} 3F 01 00 00 00 00 00 00 00`).records;
    expect(first?.quantity?.name).toBe(name);
    expect(told(first)).toBeCloseTo(value, 6);
  });
});
