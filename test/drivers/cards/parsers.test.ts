/** Whatever a tool prints, a parser gives legal points or one of our errors, soon. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { entriesOf, cardsOf, jsonIn } from "../../../drivers/amd/json.ts";
import { energyOf, readCard, readEntry } from "../../../drivers/amd/keys.ts";
import { quantity } from "../../../drivers/amd/quantity.ts";
import { readAspect, aspects } from "../../../drivers/ascend/aspects.ts";
import { readPairs } from "../../../drivers/ascend/pairs.ts";
import { readTable } from "../../../drivers/ascend/table.ts";
import { CardSheet } from "../../../drivers/cards.ts";
import { CardEnergy } from "../../../drivers/cards-energy.ts";
import { cellOf } from "../../../drivers/nvidia/cell.ts";
import { columnsToAsk, knownNames, readCells } from "../../../drivers/nvidia/columns.ts";
import { instancesOf, readDetails } from "../../../drivers/nvidia/details.ts";
import { Links } from "../../../drivers/nvidia/nvlink.ts";
import { activeReasons } from "../../../drivers/nvidia/reasons.ts";
import { lostIn, Rounds } from "../../../drivers/nvidia/rounds.ts";
import type { Round } from "../../../drivers/nvidia/rounds.ts";
import { cardsIn, parseElements } from "../../../drivers/nvidia/xml.ts";
import { GatewayError, problemOf } from "../../../telemetry/index.ts";

const golden = join(import.meta.dirname, "../../golden/drivers");

function recording(path: string): Promise<string> {
  return readFile(join(golden, path), "utf8");
}

function expectLegal(sheet: CardSheet): void {
  const points = sheet.points(() => undefined);
  expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
}

/** A text that was whole once: cut, doubled, with bytes changed or things put in. */
function damaged(text: string): fc.Arbitrary<string> {
  const place = fc.nat({ max: text.length });
  return fc.oneof(
    place.map((end) => text.slice(0, end)),
    place.map((start) => text.slice(start)),
    place.map((middle) => text + text.slice(middle)),
    fc.tuple(place, fc.string({ unit: "binary", maxLength: 20 })).map(([at, put]) => {
      return text.slice(0, at) + put + text.slice(at + put.length);
    }),
    fc.tuple(place, place, fc.nat({ max: 200 })).map(([from, to, length]) => {
      return text.slice(0, to) + text.slice(from, from + length) + text.slice(to);
    }),
  );
}

function ours(run: () => void): void {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
  }
}

describe("XML of nvidia-smi", () => {
  const read = (xml: string): void => {
    const sheet = new CardSheet();
    for (const text of cardsIn(xml)) {
      const gpu = parseElements(text);
      readDetails(gpu, sheet.row("accelerator", ["gpu", "0"]));
      for (const { name, values } of instancesOf(gpu)) {
        const row = sheet.row("accelerator_instance", ["instance", name]);
        for (const [field, value] of values) row.add(field, value);
      }
    }
    expectLegal(sheet);
  };

  test.each(["geforce_v10", "tesla_v11", "mig_v12", "hopper_v13"])("%s, damaged", async (name) => {
    const xml = await recording(`nvidia/${name}/device/q-x.xml`);
    fc.assert(fc.property(damaged(xml), (text) => ours(() => read(text))));
  });

  test("entities are not expanded, nothing is loaded, and depth has an end", () => {
    const bomb = `<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><a><gpu>&c;</gpu></a>`;
    expect(() => parseElements(bomb)).toThrow(GatewayError);
    const file = `<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>`;
    expect(() => parseElements(file)).toThrow(GatewayError);
    const deep = "<a>".repeat(10_000) + "</a>".repeat(10_000);
    expect(() => parseElements(deep)).toThrow(/within each other/);
    expect(() => parseElements(`<a>${"x".repeat(2_000_000)}</a>`)).toThrow(/characters/);
    expect(() => parseElements("")).toThrow(GatewayError);
  });

  test("what is not read may be long, and of any form", () => {
    const clocks = `<supported_clocks>${"<v>1 MHz</v>".repeat(500_000)}</supported_clocks>`;
    const open = "<processes>".repeat(20_000);
    const gpu = `<gpu id="1"><processes>a & b <c></processes>${clocks}<uuid>u</uuid></gpu>`;
    expect(cardsIn(`<a>${gpu}${gpu}</a>`)).toEqual(
      Array.from({ length: 2 }, () => `<gpu id="1"><uuid>u</uuid></gpu>`),
    );
    expect(() => cardsIn(`<a>${open}</a>`)).toThrow(GatewayError);
    expect(cardsIn("<gpu></gpu>".repeat(1000))).toHaveLength(64);
  });
});

describe("columns of nvidia-smi", () => {
  test("any cell gives a legal point", async () => {
    const [head = ""] = (await recording("nvidia/hopper_v13/device/query-gpu.csv")).split("\n");
    const names = head.split(", ").flatMap((name) => name.split("|"));
    const cell = fc.oneof(
      fc.string({ unit: "binary", maxLength: 30 }),
      fc.stringMatching(/^-?\d{0,22}(\.\d{0,14})?$/),
      fc.stringMatching(/^0x[0-9a-f]{0,20}$/),
      fc.constantFrom("[N/A]", "[Unknown Error]", "P0", "P99", "Yes", "None", "[GPU is lost]"),
    );
    const cells = fc.array(cell, { minLength: names.length, maxLength: names.length });
    fc.assert(
      fc.property(cells, (values) => {
        const sheet = new CardSheet();
        const row = sheet.row("accelerator", ["gpu", "0"]);
        readCells(new Map(names.map((name, index) => [name, values[index] ?? ""])), row);
        expectLegal(sheet);
      }),
    );
  });

  test.each([
    ["[N/A]", "absent"],
    ["N/A", "absent"],
    ["[Not Supported]", "absent"],
    ["Requested functionality has been deprecated", "absent"],
    ["[Requested functionality has been deprecated]", "absent"],
    ["[Unknown Error]", "fault"],
    ["[GPU requires reset]", "fault"],
    ["[GPU is lost]", "fault"],
    ["[Insufficient Permissions]", "fault"],
    ["ERR!", "fault"],
    ["[something new]", "fault"],
    ["41", "value"],
    ["0x0000000000000004", "value"],
    ["Not Active", "value"],
  ])("%s is %s", (text, kind) => {
    expect(cellOf(text).kind).toBe(kind);
  });

  test("reasons of NVML become ours; what is new is other", () => {
    expect(activeReasons("0x0000000000000000")).toBe(0);
    expect(activeReasons("0x0000000000000045")).toBe(1 | 2 | 4 | 8);
    expect(activeReasons("0x0000000000000182")).toBe(4 | 16);
    expect(activeReasons("0xffffffffffffffff")).toBe(31);
    expect(activeReasons("0x1ffffffffffffffff")).toBeUndefined();
  });

  test("names are taken from the help with all their spellings, prose is not", () => {
    const help = 'Say "N/A" if.\n"pstate"\nThe "x".\n\n"clocks.sm" or "clocks.current.sm"\nC.\n';
    expect([...knownNames(help)]).toEqual(["pstate", "clocks.sm", "clocks.current.sm"]);
    const asked = columnsToAsk(knownNames(help), new Set(["pstate"]));
    expect(asked).toEqual([
      "count",
      "index",
      "uuid",
      "pci.bus_id",
      "clocks.current.sm",
      "clocks.sm",
    ]);
  });

  test("lines make rounds, whatever they are", () => {
    const line = fc.oneof(
      fc.string({ unit: "binary", maxLength: 80 }),
      fc.tuple(fc.nat(70), fc.nat(70)).map(([all, index]) => `${all}, ${index}, GPU-${index}, b`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 300 }), (lines) => {
        const whole: Round[] = [];
        const rounds = new Rounds(["count", "index", "uuid", "pci.bus_id"], (round) => {
          whole.push(round);
        });
        for (const one of lines) rounds.accept(one);
        rounds.finish();
        for (const { cards, lost } of whole) {
          const order = cards.map((cells) => Number(cells.get("index")));
          expect(order).toEqual([...new Set(order)].toSorted((a, b) => a - b));
          expect(lost.length).toBeLessThanOrEqual(64);
        }
      }),
    );
  });

  test.each([
    ["Unable to determine the device handle for GPU 0000:3B:00.0: GPU is lost.", "0000:3B:00.0"],
    ["Unable to determine the device handle for GPU0000:3B:00.0: Unknown Error", "0000:3B:00.0"],
    ["Unable to determine the device handle for GPU1: 0000:34:00.0: Unknown Error", "0000:34:00.0"],
    ["Unable to determine the device handle for GPU1: Unknown Error", "1"],
    ["No devices were found", undefined],
  ])("%s", (line, card) => {
    expect(lostIn(line)?.card).toBe(card);
  });
});

describe("NVLink", () => {
  test("any text gives legal points", async () => {
    const texts = await Promise.all(
      ["s", "gt-d", "e"].map((way) => recording(`nvidia/mig_v12/device/nvlink-${way}.txt`)),
    );
    const ways = ["-s", "-gt d", "-e"] as const;
    for (const [index, way] of ways.entries()) {
      fc.assert(
        fc.property(damaged(texts[index] ?? ""), (text) => {
          const links = new Links();
          links.accept(text, way);
          const sheet = new CardSheet();
          for (const { uuid, number, values } of links.all) {
            const row = sheet.row("accelerator_link", ["link", `${uuid.slice(0, 40)}_${number}`]);
            for (const [field, value] of values) row.add(field, value);
          }
          expectLegal(sheet);
        }),
      );
    }
  });

  test("errors that the link is made to correct are not counted", () => {
    const links = new Links();
    const lines = [
      "GPU 0: NVIDIA B200 (UUID: GPU-a)",
      "\t Link 3: Malformed packet Errors: 1",
      "\t Link 3: Rx remote Errors: 2",
      "\t Link 3: Symbol Errors: 1000",
      "\t Link 3: Effective Errors: 4",
      "\t Link 3: FEC Errors - 0: 192027",
      "\t Link 3: Symbol BER: 15e-255",
      "\t Link 3: Link recovery successful events: 9",
      "\t Link 3: CRC Errors: a few",
    ];
    expect(links.accept(lines.join("\n"), "-e")).toEqual(["Link 3: CRC Errors: a few"]);
    expect(links.all[0]?.values.get("errors_total")?.value).toBe(3);
  });
});

describe("JSON of AMD", () => {
  test("any JSON gives legal points", () => {
    const sheetOf = (root: unknown): void => {
      const sheet = new CardSheet();
      for (const { index, fields } of [...entriesOf(root), ...cardsOf(root)]) {
        const row = sheet.row("accelerator", ["gpu", index]);
        readEntry(fields, row, "metric");
        readEntry(fields, row, "static");
        readCard(fields, row);
        energyOf(fields);
      }
      expectLegal(sheet);
    };
    const leaf = fc.oneof(fc.jsonValue(), fc.double(), fc.constantFrom("N/A", "36 W", -1, 1e300));
    const power = fc.record({ socket_power: leaf, throttle_status: leaf, gfx_voltage: leaf });
    const some = fc.record({ gpu: leaf, power, mem_usage: fc.record({ used_vram: leaf }) });
    fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.array(some)), sheetOf));
    fc.assert(fc.property(fc.dictionary(fc.constantFrom("card0", "card1"), leaf), sheetOf));
  });

  test.each(["instinct_rocm_7/device/metric-json.json", "rocm_smi_6/device/a-json.json"])(
    "%s, damaged",
    async (name) => {
      const text = await recording(`amd/${name}`);
      fc.assert(fc.property(damaged(text), (text) => ours(() => jsonIn(text, "amd-smi"))));
    },
  );

  test.each([
    [36, "W", "W", 36],
    ["36.5", "W", "W", 36.5],
    ["36 W", "W", "W", 36],
    [{ value: 933, unit: "mV" }, "V", "mV", 0.933],
    [{ value: 0.933, unit: "V" }, "V", "mV", 0.933],
    ["(1600Mhz)", "Hz", "MHz", 1.6e9],
    [{ value: 2, unit: "GB" }, "B", "MB", 2 * 1024 ** 3],
    ["7200000.0", "J", "uJ", 7.2],
    ["3", "1", "", 3],
  ] as const)("%j", (found, base, usual, value) => {
    expect(quantity(found, base, usual)).toMatchObject({ value });
  });

  test.each([
    ["N/A"],
    [null],
    [undefined],
    [[]],
    [{}],
    [{ value: "N/A", unit: "W" }],
    [true],
    [""],
  ])("%j is no value", (found) => {
    expect(quantity(found, "W", "W")).toBeUndefined();
  });
});

describe("tables of npu-smi", () => {
  test.each(["npu_910b", "npu_two_chips", "npu_310p"])("%s, damaged", async (name) => {
    const text = await recording(`ascend/${name}/device/info.txt`);
    fc.assert(
      fc.property(damaged(text), (text) => {
        const { chips } = readTable(text);
        expect(chips.length).toBeLessThanOrEqual(128);
        for (const { npu, values } of chips) {
          expect(npu).toMatch(/^\d+$/);
          expect(values.size).toBeGreaterThan(0);
        }
      }),
    );
  });

  test("any pairs give legal points", async () => {
    const texts = await Promise.all(
      aspects.map((aspect) => recording(`ascend/npu_910b/device/info-t-${aspect}-i-1.txt`)),
    );
    for (const [index, aspect] of aspects.entries()) {
      fc.assert(
        fc.property(damaged(texts[index] ?? ""), (text) => {
          const sheet = new CardSheet();
          readAspect(aspect, readPairs(text), sheet.row("accelerator", ["gpu", "0"]));
          expectLegal(sheet);
        }),
      );
    }
  });

  test("what stands behind the controller's name is not a chip's", () => {
    const text = "Temperature(C) : 40\n\nChip Name : mcu\nTemperature(C) : 48\nPower : 9\n";
    expect([...readPairs(text)]).toEqual([["Temperature(C)", "40"]]);
  });
});

describe("energy", () => {
  test("a counter that begins again goes on, over restarts too", () => {
    const joules = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { maxLength: 30 });
    fc.assert(
      fc.property(joules, fc.nat(30), (readings, restart) => {
        let kept: unknown;
        const memory = () => ({ kept, keep: (value: unknown) => (kept = structuredClone(value)) });
        let energy = new CardEnergy(memory());
        let last = 0;
        for (const [index, reading] of readings.entries()) {
          if (index === restart) energy = new CardEnergy(memory());
          const { value } = energy.counted("0", reading, { at: "a", raw: "b" });
          energy.keep();
          expect(value).toBeGreaterThanOrEqual(last);
          last = value;
        }
      }),
    );
  });

  test("power is added up by its mean, and not over a gap", () => {
    const energy = new CardEnergy(undefined);
    energy.added("a", 3600, { at: 0, longestGap: 3000 });
    energy.added("a", 7200, { at: 2000, longestGap: 3000 });
    expect(energy.sum("a", "power")?.value).toBe(3);
    energy.added("a", 7200, { at: 9000, longestGap: 3000 });
    energy.added("a", 7200, { at: 10_000, longestGap: 3000 });
    expect(energy.sum("a", "power")).toMatchObject({ value: 5 });
    expect(energy.sum("b", "power")).toBeUndefined();
  });

  test("is written when what is told has changed, and not else", () => {
    let writes = 0;
    const energy = new CardEnergy({ kept: undefined, keep: () => (writes += 1) });
    for (const joules of [3600, 3700, 7100, 7200, 7300]) {
      energy.counted("0", joules, { at: "a", raw: "b" });
      energy.keep();
    }
    expect(writes).toBe(2);
  });

  test("what is remembered is bounded, and nonsense is not taken", () => {
    const energy = new CardEnergy({ kept: { a: { carried: -1 } }, keep: () => undefined });
    expect(energy.sum("a", "power")).toBeUndefined();
    let kept: unknown;
    const bounded = new CardEnergy({ kept: undefined, keep: (value) => (kept = value) });
    for (let card = 0; card < 500; card += 1) {
      bounded.counted(`${card}`, 1, { at: "a", raw: "b" });
    }
    bounded.keep();
    expect(Object.keys(kept ?? {})).toHaveLength(64);
    expect(JSON.stringify(kept).length).toBeLessThan(4096);
  });
});
