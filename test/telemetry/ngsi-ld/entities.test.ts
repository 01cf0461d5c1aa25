/** Batches as entities of NGSI-LD: of every register's field, once, in a form that brokers take. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { v } from "../../../config/index.ts";
import type { Entity, Point } from "../../../telemetry/index.ts";
import {
  entitiesOf,
  measurements,
  units,
  unitCodeOf,
  writtenEntity,
} from "../../../telemetry/index.ts";
import { anyDevice, anyPoint, anyTime } from "./batches.ts";
import { attributeName, entitySchema } from "./schema.ts";

const address = { region: "local", org: "main", site: "hall", class: "power", device: "m1" };
const location = { latitude: 48.1374, longitude: 11.5755 };
const time = Date.UTC(2026, 10, 25, 12, 0, 0, 123);
const at = "2026-11-25T12:00:00.123Z";

function shown(points: readonly Point[], known: object = { location }): Entity[] {
  return entitiesOf({ address, place: {}, ...known }, { points, time });
}

function typed(entities: readonly Entity[], type: string): Entity[] {
  return entities.filter((one) => one.type === type);
}

/** How many values of fields stand in entities. */
function valuesIn(entities: readonly Entity[]): number {
  const values = entities.flatMap(({ type, attributes }) =>
    Object.keys(attributes).filter((name) => {
      if (type === "TrafficFlowObserved" && name === "dateObservedFrom") return true;
      // The word of a state stands beside its number.
      if (name === "textValue" && "numValue" in attributes) return false;
      const isOwn = name === "quality" || name === "deviceState";
      const attribute = attributes[name];
      return !isOwn && attribute !== undefined && "observedAt" in attribute;
    }),
  );
  return values.length;
}

describe("any batch of the register", () => {
  test("gives entities that a broker takes, and JSON holds them", () => {
    fc.assert(
      fc.property(
        anyDevice,
        fc.array(anyPoint, { maxLength: 8 }),
        anyTime,
        (device, points, now) => {
          const entities = entitiesOf(device, { points, time: now });
          expect(new Set(entities.map(({ id }) => id)).size).toBe(entities.length);
          for (const entity of entities) {
            for (const form of ["short", "full"] as const) {
              const written = writtenEntity(entity, form);
              const read: unknown = JSON.parse(JSON.stringify(written));
              expect(read).toEqual(written);
              v.parse(entitySchema, read);
              for (const name of Object.keys(written)) v.parse(attributeName, name);
            }
          }
        },
      ),
    );
  });

  test("shows each field of a good row once, and no value of a row that is not good", () => {
    fc.assert(
      fc.property(anyDevice, anyPoint, anyTime, (device, point, now) => {
        const { q = 0, ...fields } = point.fields;
        const entities = entitiesOf(device, { points: [point], time: now });
        const isGood = Number(q) < 2;
        expect(valuesIn(entities)).toBe(isGood ? Object.keys(fields).length : 0);
        const words = entities.map(({ attributes }) => attributes["quality"]);
        const names = ["good", "substituted", "uncertain", "stale", "noCommunication"];
        const word = expect.objectContaining({ value: names[Number(q)] });
        if (Object.keys(fields).length > 0) expect(words).toContainEqual(word);
      }),
    );
  });
});

describe("models", () => {
  test("a meter's phases and totals are one entity", () => {
    const phases = ["L1", "L2", "L3"].map((phase, index) => ({
      measurement: "meter_phase",
      tags: { phase },
      fields: { voltage_v: 230 + index, import_wh_total: 1500, q: 0 },
    }));
    const whole = { measurement: "energy_meter", fields: { active_power_w: 700, q: 0 } };
    const [meter, ...more] = typed(shown([...phases, whole]), "ThreePhaseAcMeasurement");
    expect(more).toEqual([]);
    expect(meter?.id).toBe("urn:ngsi-ld:ThreePhaseAcMeasurement:local:main:hall:m1");
    expect(meter?.attributes).toMatchObject({
      phaseVoltage: { value: { L1: 230, L2: 231, L3: 232 }, unitCode: "VLT", observedAt: at },
      activeEnergyImport: { value: { L1: 1.5, L2: 1.5, L3: 1.5 }, unitCode: "KWH" },
      totalActivePower: { value: 700, unitCode: "WTT", observedAt: at },
      quality: { value: "good" },
    });
  });

  test("a phase that is not good is left out, and the whole says so", () => {
    const phases = ["L1", "L2"].map((phase, index) => ({
      measurement: "rack_phase",
      tags: { phase },
      fields: { voltage_v: 230, q: index * 2 },
    }));
    const [meter] = typed(shown(phases), "ThreePhaseAcMeasurement");
    expect(meter?.attributes).toMatchObject({
      phaseVoltage: { value: { L1: 230 } },
      quality: { value: "uncertain" },
    });
  });

  test("air, weather and noise of one sensor are three entities", () => {
    const fields = { pm25_ugm3: 12, temp_c: 21.4, rh_pct: 57, pressure_pa: 101_325, laeq_db: 54 };
    const point = { measurement: "environment", tags: { sensor: "a b" }, fields };
    const entities = shown([point, { measurement: "radio", fields: { rssi_dbm: -90 } }]);
    const of = (type: string) => typed(entities, type)[0];
    expect(of("AirQualityObserved")).toMatchObject({
      id: "urn:ngsi-ld:AirQualityObserved:local:main:hall:m1:a%20b",
      attributes: {
        pm25: { value: 12, unitCode: "GQ", observedAt: at },
        dateObserved: { value: at },
        refDevice: { object: "urn:ngsi-ld:Device:local:main:hall:m1" },
        location: { value: { type: "Point", coordinates: [11.5755, 48.1374] } },
      },
    });
    expect(of("WeatherObserved")?.attributes).toMatchObject({
      temperature: { value: 21.4, unitCode: "CEL" },
      relativeHumidity: { value: 0.57, unitCode: "C62" },
      atmosphericPressure: { value: 1013.25, unitCode: "A97" },
    });
    expect(of("NoiseLevelObserved")?.attributes).toMatchObject({
      LAeq: { value: 54, unitCode: "2N" },
      dateObservedFrom: { value: at },
      dateObservedTo: { value: at },
    });
    expect(of("Device")?.attributes).toMatchObject({
      rssi: { value: -90, unit: { value: "dBm" } },
    });
    // What requires a location is not shown without one.
    expect(shown([point], {}).map(({ type }) => type)).toEqual([
      "Device",
      ...Array<string>(5).fill("DeviceMeasurement"),
    ]);
  });

  test("a count is of the period before", () => {
    const fields = { volume_count: 41, interval_s: 60, occupancy_pct: 12 };
    const [flow] = typed(
      shown([{ measurement: "traffic", tags: { lane: "2" }, fields }]),
      "TrafficFlowObserved",
    );
    expect(flow?.attributes).toMatchObject({
      intensity: { value: 41 },
      occupancy: { value: 0.12 },
      laneId: { value: 2 },
      dateObservedFrom: { value: "2026-11-25T11:59:00.123Z" },
      dateObservedTo: { value: at },
    });
  });

  test("a lamp with a fault is not ok", () => {
    const lamp = (fault_code: number) => {
      const fields = { power_state: 3, dim_pct: 50, fault_code };
      const point = { measurement: "street_light", tags: { lamp: "7" }, fields };
      return typed(shown([point]), "Streetlight")[0]?.attributes;
    };
    expect(lamp(0)).toMatchObject({
      status: { value: "ok" },
      powerState: { value: "bootingUp" },
      illuminanceLevel: { value: 0.5 },
    });
    expect(lamp(4)).toMatchObject({ status: { value: "defectiveLamp" } });
  });

  test("what no model has is a measurement of its own", () => {
    const fields = { outlet_state: 1, current_a: 0.5, q: 1 };
    const entities = shown([{ measurement: "pdu_outlet", tags: { outlet: "1:a" }, fields }]);
    expect(typed(entities, "DeviceMeasurement")).toMatchObject([
      {
        id: "urn:ngsi-ld:DeviceMeasurement:local:main:hall:m1:pdu_outlet:1%3Aa:outlet_state",
        attributes: { numValue: { value: 1 }, textValue: { value: "on" } },
      },
      {
        id: "urn:ngsi-ld:DeviceMeasurement:local:main:hall:m1:pdu_outlet:1%3Aa:current_a",
        attributes: {
          controlledProperty: { value: "current_a" },
          measurementType: { value: "pdu_outlet" },
          numValue: { value: 0.5, unitCode: "AMP", observedAt: at },
          unit: { value: "AMP" },
          quality: { value: "substituted" },
        },
      },
    ]);
  });

  test("a text that would remove an attribute is not shown", () => {
    const fields = { message: "urn:ngsi-ld:null" };
    const entities = shown([{ measurement: "device_event", fields }]);
    expect(typed(entities, "DeviceMeasurement")[0]?.attributes).not.toHaveProperty("textValue");
  });
});

test("units without a common code are few, and known", () => {
  const without = Object.values(units).filter(({ ucum }) => unitCodeOf(ucum) === undefined);
  expect(new Set(without.map(({ ucum }) => ucum))).toEqual(
    new Set(["var.h", "V.A.h", "L/kW.h", "dB[mW]", "{NTU}"]),
  );
});

test("no measurement but those of agents and hubs lacks a way to be shown", () => {
  for (const [measurement, { fields }] of Object.entries(measurements)) {
    const given = Object.fromEntries(Object.keys(fields).map((field) => [field, 1]));
    expect(valuesIn(shown([{ measurement, fields: given }]))).toBe(Object.keys(given).length);
  }
});
