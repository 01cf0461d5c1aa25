/**
 * A chassis in the newer form: EnvironmentMetrics, ThermalMetrics, PowerSupply and its metrics,
 * Fan, Battery metrics, Sensor. (DSP0268: EnvironmentMetrics 1.3, ThermalMetrics 1.3,
 * PowerSupplyMetrics 1.1, Fan 1.5, BatteryMetrics 1.0, Sensor 1.9)
 */
import { idOf, list, member, textOf } from "./json.ts";
import type { Channel, Resource, Row, Rule } from "./row.ts";
import { isThere, ownHealthOf, rowOf } from "./row.ts";

/** How a chassis names its parts, and whether it stands for the server. */
export interface ChassisPlace {
  readonly main: boolean;
  /** The channel of a part: `Bay1`, or `Sled2/Bay1` where the chassis is not the main one. */
  name(part: string): string;
  readonly id: string;
}

const electrical: readonly Rule[] = [
  { field: "power_w", at: "PowerWatts" },
  { field: "energy_wh_total", at: "EnergykWh", scale: 1000 },
  { field: "energy_wh_total", at: "EnergyJoules", scale: 1 / 3600 },
];

export function environmentRows(resource: Resource, place: ChassisPlace): Row[] {
  const limit = member(resource.body, "PowerLimitWatts/ControlMode") === "Disabled";
  const limits: Rule[] = limit ? [] : [{ field: "power_limit_w", at: "PowerLimitWatts" }];
  const whole = place.main
    ? rowOf(resource, { measurement: "server" }, [...electrical, ...limits])
    : rowOf(
        resource,
        { measurement: "electrical_sensor", channel: ["sensor", place.name("power")] },
        electrical,
      );
  return [...whole, ...airRows(resource, place)];
}

/** What has a sensor of its own is told by that one. */
function airRows(resource: Resource, place: ChassisPlace): Row[] {
  const rules: Rule[] = [
    { field: "temp_c", at: "TemperatureCelsius" },
    { field: "rh_pct", at: "HumidityPercent" },
    { field: "dewpoint_c", at: "DewPointCelsius" },
  ];
  const own = rules.filter(({ at }) => !hasSource(resource, at));
  const channel: Channel = ["sensor", place.name("environment")];
  return rowOf(resource, { measurement: "thermal", channel }, own);
}

function hasSource({ body }: Resource, at: string): boolean {
  return typeof member(body, `${at}/DataSourceUri`) === "string";
}

/** More temperatures than this has no ThermalMetrics. */
const maxReadings = 256;

export function thermalMetricsRows(resource: Resource, place: ChassisPlace): Row[] {
  const { body } = resource;
  const summary = "TemperatureSummaryCelsius";
  const rows = place.main
    ? rowOf(resource, { measurement: "server" }, [
        { field: "inlet_c", at: `${summary}/Intake` },
        { field: "exhaust_c", at: `${summary}/Exhaust` },
      ])
    : [];
  const readings = list(body["TemperatureReadingsCelsius"], maxReadings);
  for (const [index, reading] of readings.entries()) {
    const source = textOf(member(reading, "DataSourceUri"))?.split("/").at(-1);
    const name = source ?? textOf(member(reading, "DeviceName")) ?? String(index);
    const channel: Channel = ["sensor", place.name(name)];
    const at = `TemperatureReadingsCelsius/${index}`;
    rows.push(...rowOf(resource, { measurement: "thermal", channel }, [{ field: "temp_c", at }]));
    const air = airOf(member(reading, "PhysicalContext"));
    if (air === undefined || !place.main) continue;
    rows.push(...rowOf(resource, { measurement: "server" }, [{ field: air, at }]));
  }
  return rows;
}

/** Capacity that the subsystem as a whole may draw. */
export function powerSubsystemRows(resource: Resource, place: ChassisPlace): Row[] {
  if (!place.main) return [];
  return rowOf(resource, { measurement: "server" }, [{ field: "capacity_w", at: "CapacityWatts" }]);
}

export function powerSupplyRows(resource: Resource, psu: string): Row[] {
  return rowOf(resource, { measurement: "power_supply", channel: ["psu", psu] }, [
    { field: "health_state", at: "Status", read: ownHealthOf },
    ...(isThere(resource.body) ? [{ field: "capacity_w", at: "PowerCapacityWatts" }] : []),
  ]);
}

export function powerSupplyMetricsRows(resource: Resource, psu: string): Row[] {
  const { body } = resource;
  const oneRail = list(body["RailVoltage"], 2).length === 1;
  const rail: Rule[] = [
    { field: "output_voltage_v", at: "RailVoltage/0" },
    { field: "output_a", at: "RailCurrentAmps/0" },
  ];
  return rowOf(resource, { measurement: "power_supply", channel: ["psu", psu] }, [
    { field: "input_power_w", at: "InputPowerWatts" },
    { field: "output_power_w", at: "OutputPowerWatts" },
    { field: "input_voltage_v", at: "InputVoltage" },
    { field: "input_a", at: "InputCurrentAmps" },
    { field: "input_hz", at: "FrequencyHz" },
    { field: "energy_wh_total", at: "EnergykWh", scale: 1000 },
    { field: "temp_c", at: "TemperatureCelsius" },
    { field: "fan_rpm", at: "FanSpeedsPercent/0/SpeedRPM" },
    { field: "fan_rpm", at: "FanSpeedPercent/SpeedRPM" },
    ...(oneRail ? rail : []),
  ]);
}

export function fanRows(resource: Resource, fan: string): Row[] {
  const readings: Rule[] = [
    { field: "speed_rpm", at: "SpeedPercent/SpeedRPM" },
    { field: "speed_pct", at: "SpeedPercent" },
    { field: "power_w", at: "PowerWatts" },
  ];
  return rowOf(resource, { measurement: "fan", channel: ["fan", fan] }, [
    { field: "health_state", at: "Status", read: ownHealthOf },
    ...(isThere(resource.body) ? readings : []),
  ]);
}

export function batteryMetricsRows(resource: Resource, battery: string): Row[] {
  return rowOf(resource, { measurement: "dc_supply", channel: ["side", battery] }, [
    { field: "charge_pct", at: "ChargePercent" },
    { field: "temp_c", at: "TemperatureCelsius" },
    { field: "voltage_v", at: "OutputVoltages/0" },
    { field: "current_a", at: "OutputCurrentAmps/0" },
  ]);
}

interface Reading extends Rule {
  readonly measurement: "thermal" | "electrical_sensor" | "fan";
}

/** `ReadingType` to a field; what is not here has none. */
const readings: Readonly<Record<string, Reading>> = {
  Temperature: { measurement: "thermal", field: "temp_c", at: "Reading" },
  Humidity: { measurement: "thermal", field: "rh_pct", at: "Reading" },
  Power: { measurement: "electrical_sensor", field: "power_w", at: "Reading" },
  Voltage: { measurement: "electrical_sensor", field: "voltage_v", at: "Reading" },
  Current: { measurement: "electrical_sensor", field: "current_a", at: "Reading" },
  Frequency: { measurement: "electrical_sensor", field: "frequency_hz", at: "Reading" },
  EnergykWh: {
    measurement: "electrical_sensor",
    field: "energy_wh_total",
    at: "Reading",
    scale: 1000,
  },
  EnergyWh: { measurement: "electrical_sensor", field: "energy_wh_total", at: "Reading" },
  EnergyJoules: {
    measurement: "electrical_sensor",
    field: "energy_wh_total",
    at: "Reading",
    scale: 1 / 3600,
  },
  Rotational: { measurement: "fan", field: "speed_rpm", at: "Reading" },
};

/** Of one Sensor; what is the server's own stands there, too. */
export function sensorRows(resource: Resource, place: ChassisPlace): Row[] {
  const { body, path } = resource;
  const type = textOf(body["ReadingType"]) ?? "";
  const reading = Object.hasOwn(readings, type) ? readings[type] : undefined;
  if (reading === undefined || !isThere(body)) return [];
  const { measurement, ...rule } = reading;
  const tag = measurement === "fan" ? "fan" : "sensor";
  const units = textOf(body["ReadingUnits"]);
  // Frequencies of clocks come in MHz, too. (DSP0268, Sensor: ReadingUnits)
  const scale = units === "MHz" ? 1e6 : units === "kW" || units === "kHz" ? 1000 : rule.scale;
  const channel: Channel = [tag, place.name(idOf(body, path))];
  const scaled = scale === undefined ? rule : { ...rule, scale };
  const rows = rowOf(resource, { measurement, channel }, [scaled]);
  const own = place.main ? ownField(type, resource) : undefined;
  if (own === undefined) return rows;
  return [...rows, ...rowOf(resource, { measurement: "server" }, [{ ...scaled, field: own }])];
}

/** What a sensor of the main chassis says of the server as a whole. */
function ownField(type: string, { body, path }: Resource): string | undefined {
  if (type === "Temperature") return airOf(body["PhysicalContext"]);
  // OpenBMC's name for it; its EnvironmentMetrics do not always have it.
  return type === "Power" && /(^|_)total_power$/.test(idOf(body, path)) ? "power_w" : undefined;
}

/** Where a temperature is the server's own. */
export function airOf(context: unknown): "inlet_c" | "exhaust_c" | undefined {
  if (context === "Intake") return "inlet_c";
  return context === "Exhaust" ? "exhaust_c" : undefined;
}
