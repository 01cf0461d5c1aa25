/** The radio facts of an event as fields of the measurement `radio`. */
import type { FieldValue, Point } from "../../telemetry/index.ts";
import { withRangeQuality } from "../../telemetry/index.ts";
import type { Source, Trace } from "../contract.ts";
import type { Battery, Status, Uplink } from "./event.ts";

const measurement = "radio";

/** Fields with the word that says where in the message they stand. */
const places = {
  rssi_dbm: "rssi of the best receiver",
  snr_ratio_db: "snr of the best receiver",
  gateways_count: "receivers",
  spreading_factor_code: "spreading factor",
  uplinks_total: "frame counter",
  battery_pct: "device status: battery",
  margin_ratio_db: "device status: margin",
  external_power_state: "device status: power source",
} as const;

type RadioField = keyof typeof places;
type RadioValues = Partial<Record<RadioField, number | undefined>>;

export function radioSources(): Source[] {
  return Object.entries(places).map(([field, at]) => ({ measurement, channel: "", field, at }));
}

function batteryValues({ percent, margin, external }: Battery): RadioValues {
  return {
    battery_pct: percent,
    margin_ratio_db: margin,
    external_power_state: external === undefined ? undefined : Number(external),
  };
}

/** What an event says of the link and the battery. */
export function radioValues(event: Uplink | Status): RadioValues {
  if (event.kind === "status") return batteryValues(event.battery);
  const { rssi, snr, gateways, spreading } = event.radio;
  return {
    rssi_dbm: rssi,
    snr_ratio_db: snr,
    gateways_count: gateways,
    spreading_factor_code: spreading === undefined ? undefined : Math.round(spreading),
    uplinks_total: event.counter,
    ...(event.battery === undefined ? {} : batteryValues(event.battery)),
  };
}

/**
 * Adds the values to the points: to the profile's own point of the measurement, which knows its
 * battery better, or as one more.
 */
export function addRadio(points: Point[], traces: Trace[], values: RadioValues): void {
  const fields: Record<string, FieldValue> = {};
  const index = points.findIndex((point) => point.measurement === measurement);
  const own = points[index]?.fields ?? {};
  for (const [field, at] of Object.entries(places)) {
    const value = Object.entries(values).find(([name]) => name === field)?.[1];
    if (value === undefined || Object.hasOwn(own, field)) continue;
    fields[field] = value;
    traces.push({ measurement, channel: "", field, at, raw: String(value) });
  }
  const { q: _q, ...ownFields } = own;
  const all = { ...ownFields, ...fields };
  if (Object.keys(all).length === 0) return;
  const point = { measurement, fields: withRangeQuality(measurement, all) };
  if (index === -1) points.push(point);
  else points[index] = point;
}
