/** Without an expectation: what physics finds of a meter, and that it finds nothing in noise. */
import { describe, expect, it } from "vitest";
import { v } from "../../../../config/index.ts";
import { readYamlText } from "./yaml.ts";
import { modbus } from "../../../../drivers/modbus/index.ts";
import { plausible, skeletonOf } from "../../../../drivers/modbus/probe/index.ts";
import type { QuantityName } from "../../../../drivers/modbus/probe/index.ts";
import type { Order } from "../../../../drivers/modbus/values.ts";
import { SeededEntropy } from "../../../virtual.ts";
import { Registers } from "./planted.ts";

/** What a three-phase meter shows: address by address, in steps of the value's width. */
interface MeterForm {
  readonly type: "float32" | "int16" | "int32";
  readonly order: Order;
  readonly scales: {
    readonly u: number;
    readonly i: number;
    readonly p: number;
    readonly pf: number;
  };
}

const meters: readonly MeterForm[] = [
  { type: "float32", order: "ABCD", scales: { u: 1, i: 1, p: 1, pf: 1 } },
  { type: "float32", order: "CDAB", scales: { u: 1, i: 1, p: 1, pf: 1 } },
  { type: "int16", order: "ABCD", scales: { u: 0.1, i: 0.01, p: 1, pf: 0.001 } },
  { type: "int32", order: "CDAB", scales: { u: 0.1, i: 0.001, p: 0.1, pf: 0.001 } },
];

interface Known {
  readonly quantity: QuantityName;
  readonly at: number;
  readonly value: number;
}

function plantMeter(device: Registers, form: MeterForm, random: () => number): Known[] {
  const width = form.type === "int16" ? 1 : 2;
  const known: Known[] = [];
  let at = 0;
  const put = (quantity: QuantityName, value: number, scale: number): void => {
    device.plant({ table: "input", at, type: form.type, order: form.order, scale, value });
    known.push({ quantity, at, value });
    at += width;
  };
  const volts = [0, 1, 2].map(() => 227 + 6 * random());
  const amperes = [0, 1, 2].map(() => 4 + 20 * random());
  const factors = [0, 1, 2].map(() => 0.8 + 0.15 * random());
  const watts = volts.map((u, phase) => u * (amperes[phase] ?? 0) * (factors[phase] ?? 0));
  const { u, i, p, pf } = form.scales;
  for (const value of volts) put("voltage", value, u);
  for (const value of amperes) put("current", value, i);
  for (const value of watts) put("power", value, p);
  for (const value of factors) put("pf", value, pf);
  put(
    "power",
    watts.reduce((sum, one) => sum + one, 0),
    p,
  );
  put("frequency", 49.97 + 0.06 * random(), form.type === "float32" ? 1 : 0.01);
  return known;
}

/** Of whole numbers P = U · I · pf tells I and P up to a common power of ten. */
function isNear(ratio: number, whole: boolean): boolean {
  const factors = whole ? [0.1, 1, 10] : [1];
  return factors.some((factor) => Math.abs(ratio / factor - 1) < 0.01);
}

describe("a three-phase meter", () => {
  it.each(meters)("in $type $order is found by physics alone", (form) => {
    let found = 0;
    let total = 0;
    for (let seed = 1; seed <= 5; seed += 1) {
      const entropy = new SeededEntropy(seed);
      const device = new Registers();
      const known = plantMeter(device, form, () => entropy.random());
      const last = Math.max(...known.map(({ at }) => at));
      const behind = Array.from({ length: 60 }, (_, index) => last + 4 + index);
      device.noise("input", behind, () => entropy.random());
      const candidates = plausible([device.snapshot(0), device.snapshot(2000)]);
      const right = known.filter(({ quantity, at, value }) =>
        candidates.some(
          (one) =>
            one.table === "input" &&
            one.quantity === quantity &&
            one.at === at &&
            isNear(one.value / value, form.type !== "float32"),
        ),
      );
      found += right.length;
      total += known.length;
      // The best one of the list is never something that is not there.
      const [first] = candidates;
      expect(
        known.some(({ at }) => at === first?.at),
        JSON.stringify(candidates.slice(0, 3)),
      ).toBe(true);
    }
    // Whole numbers in noise leave more to chance than floats do.
    expect(found / total).toBeGreaterThanOrEqual(form.type === "float32" ? 0.85 : 0.6);
  });

  it("becomes a profile that the driver accepts", async () => {
    const entropy = new SeededEntropy(3);
    const device = new Registers();
    const [form] = meters;
    if (form === undefined) throw new Error("no meter");
    plantMeter(device, form, () => entropy.random());
    const text = skeletonOf(plausible([device.snapshot()]));
    const { profile } = modbus;
    if (profile === undefined) throw new Error("no profile form");
    const parsed = v.parse(profile, await readYamlText(text));
    const phases = parsed.points.filter(({ measurement }) => measurement === "meter_phase");
    expect(phases.map(({ tags }) => tags?.["phase"])).toEqual(["L1", "L2", "L3"]);
  });
});

describe("energy", () => {
  it("is the count that rises as the power says", () => {
    const device = new Registers();
    const put = (at: number, value: number): void => {
      device.plant({ table: "input", at, type: "float32", order: "ABCD", scale: 1, value });
    };
    put(0, 230.2);
    put(6, 10.1);
    put(12, 230.2 * 10.1 * 0.91);
    put(30, 0.91);
    put(72, 1234.5);
    put(74, 1234.5);
    const before = device.snapshot(0);
    const hours = 0.1;
    put(72, 1234.5 + (230.2 * 10.1 * 0.91 * hours) / 1000);
    const found = plausible([before, device.snapshot(hours * 3_600_000)]);
    const energy = found.filter(({ quantity }) => quantity === "energy");
    expect(energy).toMatchObject([{ at: 72, scale: 1000, type: "float32" }]);
  });
});

describe("noise alone", () => {
  it("gives nothing that is nearly certain", () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const entropy = new SeededEntropy(seed);
      const device = new Registers();
      const addresses = Array.from({ length: 120 }, (_, at) => at);
      device.noise("input", addresses, () => entropy.random());
      const sure = plausible([device.snapshot()]).filter(({ confidence }) => confidence > 0.97);
      expect(sure.length, JSON.stringify(sure.slice(0, 3))).toBeLessThanOrEqual(2);
    }
  });
});
