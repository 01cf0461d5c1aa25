/**
 * What Home Assistant calls our units: the device class of a sensor, where its table has one for
 * the unit, and the state class that goes with it
 * (https://www.home-assistant.io/integrations/sensor/#device-class). A unit without a row is
 * shown as it is, without a class.
 */
import type { FieldFacts } from "../../telemetry/index.ts";

/** By UCUM code: device class, and the unit as Home Assistant writes it. */
const classes: Readonly<Record<string, readonly [string, string]>> = {
  W: ["power", "W"],
  "V.A": ["apparent_power", "VA"],
  var: ["reactive_power", "var"],
  "W.h": ["energy", "Wh"],
  V: ["voltage", "V"],
  A: ["current", "A"],
  Hz: ["frequency", "Hz"],
  Cel: ["temperature", "°C"],
  K: ["temperature", "K"],
  Pa: ["pressure", "Pa"],
  "m3/h": ["volume_flow_rate", "m³/h"],
  "L/min": ["volume_flow_rate", "L/min"],
  m: ["distance", "m"],
  mm: ["distance", "mm"],
  s: ["duration", "s"],
  ms: ["duration", "ms"],
  "dB[SPL]": ["sound_pressure", "dB"],
  "dB[mW]": ["signal_strength", "dBm"],
  lx: ["illuminance", "lx"],
  "W/m2": ["irradiance", "W/m²"],
  "uS/cm": ["conductivity", "μS/cm"],
  "km/h": ["speed", "km/h"],
  "m/s": ["speed", "m/s"],
  "mm/h": ["precipitation_intensity", "mm/h"],
  "bit/s": ["data_rate", "bit/s"],
  By: ["data_size", "B"],
};

/** By the name of the field, where its unit alone says too little. */
const named: readonly (readonly [RegExp, string, string])[] = [
  [/^pm25_ugm3$/, "pm25", "μg/m³"],
  [/^pm10_ugm3$/, "pm10", "μg/m³"],
  [/^pm1_ugm3$/, "pm1", "μg/m³"],
  [/^no2_ugm3$/, "nitrogen_dioxide", "μg/m³"],
  [/^o3_ugm3$/, "ozone", "μg/m³"],
  [/^so2_ugm3$/, "sulphur_dioxide", "μg/m³"],
  [/^co2_ppm$/, "carbon_dioxide", "ppm"],
  [/^rh_pct$/, "humidity", "%"],
  [/battery_pct$/, "battery", "%"],
  [/^power_factor_ratio$/, "power_factor", ""],
];

export interface SensorClass {
  readonly device_class?: string;
  readonly state_class?: string;
  readonly unit_of_measurement?: string;
}

/** How a field is shown; a text has neither class nor unit. */
export function sensorClass(field: string, facts: FieldFacts | undefined): SensorClass {
  const { type = "any", unit, entry } = facts ?? {};
  if (type === "text" || type === "any") return {};
  const [, own, ownUnit] = named.find(([pattern]) => pattern.test(field)) ?? [];
  const counts = field.endsWith("_total");
  const [found, shown] =
    own === undefined ? (classes[unit?.ucum ?? ""] ?? [undefined, unit?.shown]) : [own, ownUnit];
  // Energy is a counter there; what was used in a while has no class.
  const device_class = found === "energy" && !counts ? undefined : found;
  const isState = entry?.states !== undefined || /_(state|code)$/.test(field);
  return {
    ...(device_class === undefined ? {} : { device_class }),
    ...(isState ? {} : { state_class: counts ? "total_increasing" : "measurement" }),
    ...(shown === undefined || shown === "" ? {} : { unit_of_measurement: shown }),
  };
}
