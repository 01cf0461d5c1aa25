/**
 * What Home Assistant takes as a device discovery payload, after its documentation
 * (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload and
 * https://www.home-assistant.io/integrations/sensor.mqtt/#configuration-variables) and what its
 * core checks (components/mqtt/schemas.py, DEVICE_DISCOVERY_SCHEMA; components/sensor/const.py,
 * DEVICE_CLASS_UNITS and DEVICE_CLASS_STATE_CLASSES), read in November 2026. Strict: a key that
 * is not there is an error.
 */
import { v } from "../../../config/index.ts";

/** Units a device class may have, of those we use; `undefined` is none. */
const units: Readonly<Record<string, readonly (string | undefined)[]>> = {
  apparent_power: ["mVA", "VA", "kVA"],
  battery: ["%"],
  carbon_dioxide: ["ppm"],
  conductivity: ["S/cm", "mS/cm", "μS/cm"],
  current: ["A", "mA"],
  data_rate: ["bit/s", "kbit/s", "B/s"],
  data_size: ["bit", "B", "kB", "KiB"],
  distance: ["km", "m", "cm", "mm"],
  duration: ["d", "h", "min", "s", "ms"],
  energy: ["J", "Wh", "kWh", "MWh"],
  frequency: ["Hz", "kHz", "MHz", "GHz"],
  humidity: ["%"],
  illuminance: ["lx"],
  irradiance: ["W/m²", "BTU/(h⋅ft²)"],
  nitrogen_dioxide: ["μg/m³"],
  ozone: ["μg/m³"],
  pm1: ["μg/m³"],
  pm10: ["μg/m³"],
  pm25: ["μg/m³"],
  power: ["W", "kW", "MW"],
  power_factor: ["%", undefined],
  precipitation_intensity: ["mm/d", "mm/h"],
  pressure: ["Pa", "hPa", "kPa", "bar"],
  reactive_power: ["var", "kvar"],
  signal_strength: ["dB", "dBm"],
  sound_pressure: ["dB", "dBA"],
  speed: ["m/s", "km/h", "mm/h"],
  sulphur_dioxide: ["μg/m³"],
  temperature: ["°C", "°F", "K"],
  voltage: ["V", "mV"],
  volume_flow_rate: ["m³/h", "L/min"],
};

/** Device classes that may count, and whether they must. */
const counting: Readonly<Record<string, "may" | "must">> = {
  energy: "must",
  data_size: "may",
  distance: "may",
  duration: "may",
};

const text = v.pipe(v.string(), v.minLength(1));
const topic = v.pipe(text, v.regex(/^[^+#\p{Cc}]+$/u));
const template = v.pipe(text, v.regex(/^\{\{.*\}\}$/s));

const sensor = v.pipe(
  v.strictObject({
    platform: v.literal("sensor"),
    unique_id: text,
    name: text,
    value_template: template,
    expire_after: v.pipe(v.number(), v.integer(), v.minValue(1)),
    device_class: v.optional(v.picklist(Object.keys(units))),
    state_class: v.optional(v.picklist(["measurement", "total", "total_increasing"])),
    unit_of_measurement: v.optional(text),
  }),
  v.check(
    ({ device_class: name, unit_of_measurement: unit }) =>
      name === undefined || units[name]?.includes(unit) === true,
    "the device class does not have this unit",
  ),
  v.check(({ device_class: name = "", state_class: state }) => {
    if (state === undefined || !(name in units)) return true;
    const counts = state !== "measurement";
    return counts ? name in counting : counting[name] !== "must";
  }, "the device class does not have this state class"),
);

export const discoverySchema = v.strictObject({
  device: v.strictObject({
    identifiers: v.pipe(v.array(text), v.minLength(1)),
    name: text,
    manufacturer: v.optional(text),
    model: v.optional(text),
    suggested_area: v.optional(text),
  }),
  origin: v.strictObject({ name: text }),
  availability: v.array(v.strictObject({ topic, value_template: template })),
  availability_mode: v.picklist(["all", "any", "latest"]),
  state_topic: topic,
  components: v.record(v.pipe(v.string(), v.regex(/^[a-zA-Z0-9_-]+$/)), sensor),
});

/** `<prefix>/device/<object id>/config`. */
export const discoveryTopic = /^homeassistant\/device\/[a-zA-Z0-9_-]+\/config$/;
