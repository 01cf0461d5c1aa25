/** What an agent publishes of a device in `meta`: fields, units, and where they come from. */
import { describe, expect, test } from "vitest";
import type { Described, Told } from "../../agent/index.ts";
import { Inventory } from "../../agent/index.ts";
import type { Source } from "../../drivers/index.ts";

const device: Described = {
  address: { region: "local", org: "main", site: "lab", class: "power", device: "m" },
  place: { rack: "r1" },
  driver: "modbus",
  profile: "p",
  vendor: "V",
  model: "M",
  documents: ["a manual"],
  caveats: [],
  lineOf: ({ channel }) => `p.yaml:${channel === "L3" ? 9 : 5}`,
  interval: 5000,
};

function inventory(): Inventory {
  const made = new Inventory();
  const points = ["L1", "L2", "L3"].map((phase) => ({
    measurement: "meter_phase",
    tags: { phase },
    fields: { voltage_v: 230, q: 0 },
  }));
  made.note({ points, faults: [] });
  return made;
}

const source = (channel: string, at: string): Source => ({
  measurement: "meter_phase",
  channel,
  field: "voltage_v",
  at,
  form: { type: "float32" },
});

function meta(told: Partial<Told>): Record<string, unknown> {
  return JSON.parse(inventory().meta(device, { agent: "a", origin: undefined, ...told }));
}

describe("meta", () => {
  test("says who reads it, by what, and what the profile rests on", () => {
    const endpoint = { address: "tcp://10.0.0.7:502", unit: 3 };
    expect(meta({ origin: { endpoint, sources: [] } })).toMatchObject({
      agent: "a",
      driver: "modbus",
      endpoint,
      documents: ["a manual"],
      interval_ms: 5000,
    });
  });

  test("gives channels that are read alike one source with a place each", () => {
    const sources = [source("L1", "input 0x0000 ×2"), source("L2", "input 0x0002 ×2")];
    const other = source("L3", "input 0x0004 ×2");
    const told = { origin: { endpoint: {}, sources: [...sources, other] } };
    expect(meta(told)).toHaveProperty("measurements.meter_phase.fields.voltage_v.source", [
      { at: { L1: "input 0x0000 ×2", L2: "input 0x0002 ×2" }, type: "float32", line: "p.yaml:5" },
      { at: { L3: "input 0x0004 ×2" }, type: "float32", line: "p.yaml:9" },
    ]);
  });

  test("leaves sources out rather than be refused as too long", () => {
    const long = "input 0x0000 ×2".repeat(20_000);
    const told = { origin: { endpoint: {}, sources: [source("L1", long)] } };
    const fields = "measurements.meter_phase.fields.voltage_v";
    expect(meta(told)).not.toHaveProperty(`${fields}.source`);
    expect(meta(told)).toHaveProperty(`${fields}.unit`, "V");
  });
});
