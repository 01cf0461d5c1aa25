/** Batches of whatever the register has, for properties. */
import fc from "fast-check";
import type { Fields, FieldValue, Point } from "../../../telemetry/index.ts";
import { fieldFacts, measurements } from "../../../telemetry/index.ts";
import type { ShownDevice } from "../../../telemetry/index.ts";

function valueOf(measurement: string, field: string): fc.Arbitrary<FieldValue> {
  const { type, entry } = fieldFacts(measurement, field) ?? {};
  const [min, max] = entry?.range ?? [0, 1e6];
  if (type === "text") return fc.string({ unit: "binary", maxLength: 20 });
  if (type !== "integer") return fc.double({ min, max, noNaN: true });
  const states = Object.keys(entry?.states ?? {}).map(Number);
  return states.length > 0
    ? fc.constantFrom(...states)
    : fc.integer({ min, max: Math.min(max, 1e9) });
}

function fieldsOf(measurement: string, names: readonly string[]): fc.Arbitrary<Fields> {
  const values = Object.fromEntries(names.map((name) => [name, valueOf(measurement, name)]));
  const q = fc.integer({ min: 0, max: 4 });
  return fc.record({ ...values, q }, { requiredKeys: [] });
}

const channels = fc.oneof(
  fc.constantFrom("L1", "L2", "L3", "1", "12", "A"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 10 }),
);

/** One row of any measurement. */
export const anyPoint: fc.Arbitrary<Point> = fc
  .constantFrom(...Object.entries(measurements))
  .chain(([measurement, { fields, ...entry }]) => {
    const made = fieldsOf(measurement, Object.keys(fields));
    if (!("channel" in entry))
      return fc.record({ measurement: fc.constant(measurement), fields: made });
    const { channel } = entry;
    const tags = channels.map((value) => ({ [channel]: value }));
    return fc.record({ measurement: fc.constant(measurement), tags, fields: made });
  });

export const anyTime = fc.integer({ min: 0, max: Date.UTC(2099, 0, 1) });

const place = { latitude: 48.1374, longitude: 11.5755 };
const address = { region: "local", org: "main", site: "hall" };

/** Devices of every class, known well or hardly. */
export const anyDevice: fc.Arbitrary<ShownDevice> = fc.record({
  address: fc
    .constantFrom("power", "cooling", "environment", "light", "traffic", "terminal", "io")
    .map((one) => ({ ...address, class: one, device: "d-1" })),
  place: fc.constantFrom({}, { zone: "h1" }, { zone: "h1", rack: "r 2" }),
  vendor: fc.constantFrom(undefined, "Eastron"),
  model: fc.constantFrom(undefined, "SDM630"),
  location: fc.constantFrom(undefined, place),
  state: fc.constantFrom(
    undefined,
    { state: "online", reason: "none", since: 1 },
    { state: "offline", reason: "E_MODBUS_TIMEOUT", since: 2 },
  ),
});
