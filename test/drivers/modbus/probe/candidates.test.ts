/** What is planted in a device is found again: table, address, type, byte order and scale. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  Candidate,
  Expectation,
  QuantityName,
} from "../../../../drivers/modbus/probe/index.ts";
import { candidates, parseExpectation, placesOf } from "../../../../drivers/modbus/probe/index.ts";
import { SeededEntropy } from "../../../virtual.ts";
import type { Plant } from "./planted.ts";
import { Registers, typicalValue } from "./planted.ts";

const integers = ["uint16", "int16", "uint32", "int32"] as const;
const types = [...integers, "float32"] as const;

interface Asked {
  readonly quantity: QuantityName;
  readonly unit: string;
  readonly scales: Readonly<Record<string, readonly number[]>>;
}

/** Forms that makers use and that can carry the typical value with four digits. */
const asked: readonly Asked[] = [
  {
    quantity: "voltage",
    unit: "V",
    scales: { uint16: [0.1, 0.01], uint32: [0.1, 0.01, 0.001], float32: [1] },
  },
  {
    quantity: "current",
    unit: "A",
    scales: { uint16: [0.01, 0.001], uint32: [0.01, 0.001], float32: [1] },
  },
  { quantity: "power", unit: "W", scales: { uint16: [1], uint32: [0.1, 1], float32: [1, 1000] } },
  { quantity: "frequency", unit: "Hz", scales: { uint16: [0.01], uint32: [0.01], float32: [1] } },
  { quantity: "energy", unit: "Wh", scales: { uint32: [1, 10, 100, 1000], float32: [1, 1000] } },
];

/** As a display shows it: volts with one decimal, amperes with two, energy in kWh with one. */
function shown(value: number, { quantity, unit }: Asked): string {
  if (quantity === "energy") return `energy=${(value / 1000).toFixed(1)}kWh`;
  const places = quantity === "voltage" ? 1 : quantity === "power" ? 0 : 2;
  return `${quantity}=${value.toFixed(places)}${unit}`;
}

function isPlanted(candidate: Candidate | undefined, plant: Plant): boolean {
  return (
    candidate !== undefined &&
    candidate.table === plant.table &&
    candidate.at === plant.at &&
    [candidate.type, ...candidate.also].includes(plant.type) &&
    (candidate.order === plant.order || (plant.type.endsWith("16") && isPlainOrder(plant.order))) &&
    candidate.scale === plant.scale
  );
}

/** Of 16 bits only the swap of bytes matters. */
function isPlainOrder(order: string): boolean {
  return order === "ABCD" || order === "CDAB";
}

const orders = ["ABCD", "CDAB", "BADC", "DCBA"] as const;

/** A 32-bit number whose high word is empty is also a 16-bit number beside it. */
function isAmbiguous({ type, value, scale }: Plant): boolean {
  return type.endsWith("32") && type !== "float32" && value / scale < 65_536;
}

describe("one register of a manual [MODBUS-AP 4.4]", () => {
  it("is found in whichever form, table and numbering it is", () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 1e9 }),
      fc.constantFrom(...asked),
      fc.tuple(fc.constantFrom(...types), fc.constantFrom(...orders)),
      fc.constantFrom(0, 1, 2),
      (seed, what, [type, order], numbering) => {
        const { random } = entropyOf(seed);
        const scales = what.scales[type.replace("int", "uint").replace("uuint", "uint")] ?? [];
        const scale = scales[Math.floor(random() * scales.length)];
        fc.pre(scale !== undefined);
        const wire = 20 + Math.floor(random() * 100);
        const table = random() < 0.5 ? "holding" : "input";
        const value = typicalValue(what.quantity, random);
        const limit = type === "int16" ? 32_767 : 65_535;
        fc.pre(!type.endsWith("16") || value / scale <= limit);
        const device = new Registers();
        const addresses = Array.from({ length: 150 }, (_, at) => at);
        device.noise("holding", addresses, random);
        device.noise("input", addresses, random);
        const plant: Plant = {
          table,
          at: wire,
          type,
          order: plainOrder(type, order),
          scale,
          value,
        };
        const really = device.plant(plant);
        const [at] = [wire, wire + 1, wire + (table === "holding" ? 40_001 : 30_001)].slice(
          numbering,
        );
        const expectation = parseExpectation(shown(really, what));
        const places = placesOf(at ?? wire);
        const [answer] = candidates({
          snapshots: [device.snapshot()],
          expectations: [expectation],
          places,
        });
        const rank = answer?.candidates.findIndex((one) => isPlanted(one, plant)) ?? -1;
        const shownRank = `rank ${rank} of ${JSON.stringify(answer?.candidates.slice(0, 3))}`;
        expect(rank >= 0 && rank <= (isAmbiguous(plant) ? 2 : 0), shownRank).toBe(true);
      },
    );
    fc.assert(property, { numRuns: 300, seed: 11 });
  });
});

describe("a whole meter among 200 registers of noise", () => {
  it("is found from what its display shows, in its own form", () => {
    const ranks = new Map<number, number>();
    for (let seed = 1; seed <= 40; seed += 1) {
      for (const rank of meterRanks(seed)) ranks.set(rank, (ranks.get(rank) ?? 0) + 1);
    }
    const total = [...ranks.values()].reduce((sum, count) => sum + count, 0);
    const within = (worst: number): number =>
      [...ranks].filter(([rank]) => rank >= 0 && rank <= worst).reduce((sum, [, n]) => sum + n, 0);
    // The rest are noise that shows the same number in a plainer form.
    expect(within(0) / total).toBeGreaterThanOrEqual(0.98);
    expect(within(2) / total).toBe(1);
  });
});

/** The ranks of five planted quantities that share table, type and byte order. */
function meterRanks(seed: number): number[] {
  const { random } = entropyOf(seed);
  const type = types[Math.floor(random() * types.length)] ?? "uint16";
  const order = plainOrder(type, orders[Math.floor(random() * 4)] ?? "ABCD");
  const table = random() < 0.5 ? "holding" : "input";
  const device = new Registers();
  const addresses = Array.from({ length: 200 }, (_, at) => at);
  device.noise("holding", addresses, random);
  device.noise("input", addresses, random);
  const plants = new Map<Expectation, Plant>();
  let at = Math.floor(random() * 20);
  for (const what of asked) {
    at += 2 + 2 * Math.floor(random() * 12);
    const own = what.quantity === "energy" && type.endsWith("16") ? "uint32" : type;
    const scales = what.scales[own.replace(/^int/, "uint")] ?? [1];
    const value = typicalValue(what.quantity, random);
    const fitting = scales.filter((one) => !own.endsWith("16") || value / one < 32_768);
    const scale = fitting[Math.floor(random() * fitting.length)];
    if (scale === undefined) continue;
    const plant = { table, at, type: own, order: plainOrder(own, order), scale, value } as const;
    plants.set(parseExpectation(shown(device.plant(plant), what)), plant);
  }
  const expectations = [...plants.keys()];
  const answers = candidates({ snapshots: [device.snapshot()], expectations });
  return answers.map(({ expectation, candidates: found }) => {
    const plant = plants.get(expectation);
    if (plant === undefined) return -1;
    const rank = found.findIndex((one) => isPlanted(one, plant));
    // One of several readings of the same number at the same place is as good.
    const twin = found.findIndex(({ value }) => value === found[rank]?.value);
    return isAmbiguous(plant) && twin >= 0 && rank <= 2 ? 0 : rank;
  });
}

function plainOrder<Order extends string>(type: string, order: Order): Order | "ABCD" | "BADC" {
  if (!type.endsWith("16")) return order;
  return isPlainOrder(order) ? "ABCD" : "BADC";
}

function entropyOf(seed: number): { readonly random: () => number } {
  const entropy = new SeededEntropy(seed);
  return { random: () => entropy.random() };
}

describe("what cannot be told apart", () => {
  const one = (device: Registers, text: string): readonly Candidate[] =>
    candidates({
      snapshots: [device.snapshot()],
      expectations: [parseExpectation(text)],
      places: placesOf(5),
    })[0]?.candidates ?? [];

  it("is said once, under the simplest name: uint16 before int16, zero in no form but one", () => {
    const device = new Registers();
    device.holding.set(5, 2301);
    const found = one(device, "230.1V");
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ type: "uint16", also: ["int16"], scale: 0.1, value: 230.1 });
    const zero = new Registers();
    for (const at of [4, 5, 6, 7]) zero.holding.set(at, 0);
    expect(new Set(one(zero, "value=0±1").map(({ type }) => type))).toEqual(new Set(["uint16"]));
  });

  it("never are markers of no value, NaN, infinity and denormal singles", () => {
    const device = new Registers();
    const words = [0x7fc0, 0, 0x7f80, 0, 0, 1, 0xffff, 0xffff];
    for (const [at, word] of words.entries()) device.holding.set(at, word);
    const found = candidates({
      snapshots: [device.snapshot()],
      expectations: [parseExpectation("value=0.5±0.5")],
    });
    expect(found[0]?.candidates.filter(({ type }) => type.startsWith("float"))).toEqual([]);
  });

  it("a value that moved away between two looks is doubted", () => {
    const device = new Registers();
    device.holding.set(5, 2301);
    device.holding.set(6, 2302);
    const before = device.snapshot();
    device.holding.set(5, 9000);
    const [answer] = candidates({
      snapshots: [before, device.snapshot(5000)],
      expectations: [parseExpectation("230.1V")],
    });
    expect(answer?.candidates.map(({ at }) => at)).toEqual([6, 5]);
  });
});

describe("an expectation", () => {
  it.each([
    ["230V", "voltage", 230, 2.3],
    ["power=1.52kW", "power", 1520, 15.2],
    ["1.52 kW", "power", 1520, 15.2],
    ["energy=1234kWh±5", "energy", 1_234_000, 5000],
    ["temperature=21.5", "temperature", 21.5, 0.215],
    ["21.5°C±0.5", "temperature", 21.5, 0.5],
    ["pf=0.98+-2%", "pf", 0.98, 0.0196],
    ["45%", "humidity", 45, 0.5],
    ["17", "value", 17, 0.5],
    ["5mA", "current", 0.005, 0.0005],
    ["0.4MWh", "energy", 400_000, 50_000],
  ])("%s", (text, quantity, value, tolerance) => {
    const parsed = parseExpectation(text);
    expect(parsed.quantity).toBe(quantity);
    expect(parsed.value).toBeCloseTo(value, 9);
    expect(parsed.tolerance).toBeCloseTo(tolerance, 9);
  });

  it.each(["volts", "230X", "speed=5", "voltage=5A", ""])("%j is refused", (text) => {
    expect(() => parseExpectation(text)).toThrowError(/--expect/);
  });
});
