/** The discovery payload: whatever the register has is something Home Assistant takes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { discoveryPayload, shownIn } from "../../../agent/home-assistant/discovery.ts";
import { v } from "../../../config/index.ts";
import type { Fields, Point } from "../../../telemetry/index.ts";
import { measurements } from "../../../telemetry/index.ts";
import { discoverySchema } from "./schema.ts";

const site = { region: "local", org: "main", site: "hall" };
const device = {
  address: { ...site, class: "power", device: "meter" },
  vendor: "Eastron",
  model: "SDM630",
  place: { zone: "h1" },
  interval: 5000,
};
const agent = { ...site, class: "agent", device: "gw" };

function payloadOf(points: readonly Point[]) {
  const payload = discoveryPayload({ device, agent, sensors: shownIn(points) });
  return v.parse(discoverySchema, JSON.parse(payload));
}

test("every field of the register has a class, unit and state class that go together", () => {
  for (const [measurement, { fields }] of Object.entries(measurements)) {
    const given: Fields = Object.fromEntries(Object.keys(fields).map((field) => [field, 1]));
    const { components } = payloadOf([{ measurement, fields: given }]);
    expect(Object.keys(components)).toHaveLength(Object.keys(fields).length);
  }
});

test("whatever a channel is called, the payload keeps its form", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (phase) => {
      const point = { measurement: "rack_phase", tags: { phase }, fields: { voltage_v: 1, q: 0 } };
      expect(Object.keys(payloadOf([point]).components)).toHaveLength(1);
    }),
  );
});

test("channels whose names differ in signs alone stay two sensors", () => {
  const points = ["a b", "a_b", "a/b"].map((outlet) => ({
    measurement: "pdu_outlet",
    tags: { outlet },
    fields: { active_power_w: 1 },
  }));
  const { components } = payloadOf(points);
  expect(Object.keys(components)).toHaveLength(3);
  expect(new Set(Object.values(components).map(({ unique_id }) => unique_id)).size).toBe(3);
});

test("a meter as Home Assistant sees it", () => {
  const tags = { phase: "L1" };
  const fields = { voltage_v: 230.1, q: 0 };
  expect(payloadOf([{ measurement: "rack_phase", tags, fields }])).toEqual({
    device: {
      identifiers: ["rackstreet_local_main_hall_meter"],
      name: "meter",
      manufacturer: "Eastron",
      model: "SDM630",
      suggested_area: "h1",
    },
    origin: { name: "rackstreet" },
    availability: [
      {
        topic: "rackstreet/v1/local/main/hall/power/meter/state",
        value_template: "{{ value_json.state }}",
      },
      {
        topic: "rackstreet/v1/local/main/hall/agent/gw/state",
        value_template: "{{ value_json.state }}",
      },
    ],
    availability_mode: "all",
    state_topic: "rackstreet/v1/local/main/hall/power/meter/telemetry",
    components: {
      "rack_phase--L1--voltage_v": {
        platform: "sensor",
        unique_id: "rackstreet_local_main_hall_meter_rack_phase--L1--voltage_v",
        name: "rack_phase L1 voltage_v",
        value_template:
          "{{ value_json.points | selectattr('measurement', 'eq', 'rack_phase') | " +
          "selectattr('tags', 'defined') | selectattr('tags.phase', 'eq', 'L1') | " +
          "map(attribute='fields.voltage_v') | select('defined') | first | default('') }}",
        expire_after: 60,
        device_class: "voltage",
        state_class: "measurement",
        unit_of_measurement: "V",
      },
    },
  });
});
