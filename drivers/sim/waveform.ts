/**
 * Believable values without hardware: a value is a pure function of field, key, seed and time, so
 * two runs, two processes and a test that looks back agree on every one of them. `key` names the
 * channel (`rack-7 L1`); all fields of a channel follow the same load, so that its current, power
 * and temperature rise together, and energy is the integral of power.
 *
 *   load(t)    = 0.7 · sin(day) + 0.2 · sin(eleven minutes), phases from seed and key, in ±0.9
 *   gauge(t)   = base + swing · (load(t) + 0.1 · noise(t))
 *   counter(t) = floor(rate · ∫(1 + depth · load) dt), whole and never falling, from 1970 on
 *
 * Units are the field's own (the suffix of its name). About 0.1 µs a value, no allocation.
 */
import { unitOf, units } from "../../telemetry/index.ts";

/** One field of one channel, to be asked for any time. @unit ms since 1970-01-01 UTC */
export type Wave = (timeMs: number) => number;

/** What a field looks like: the middle, how far it swings from there, and its resolution. */
interface Gauge {
  readonly base: number;
  readonly swing: number;
  readonly digits: number;
}

const gauge = (base: number, swing: number, digits = 1): Gauge => ({ base, swing, digits });

/** By unit, for fields that need nothing special. */
const byUnit: Readonly<Record<string, Gauge>> = {
  w: gauge(1840, 900),
  va: gauge(2000, 950),
  var: gauge(300, 120),
  v: gauge(230, 4),
  a: gauge(8, 4, 2),
  hz: gauge(50, 0.03, 2),
  c: gauge(24, 4),
  k: gauge(6, 2),
  pct: gauge(45, 20),
  ratio: gauge(0.6, 0.3, 3),
  pa: gauge(15, 4),
  lpm: gauge(60, 15),
  m3h: gauge(12, 5),
  m: gauge(2.4, 0.6, 2),
  mm: gauge(400, 150, 0),
  s: gauge(1800, 600, 0),
  ms: gauge(12, 6),
  db: gauge(58, 9),
  ratio_db: gauge(8, 3),
  dbm: gauge(-71, 8),
  lux: gauge(12_000, 11_000, 0),
  wm2: gauge(400, 390, 0),
  ugm3: gauge(22, 12),
  mgm3: gauge(0.4, 0.2, 2),
  mgl: gauge(3, 1.5, 2),
  ntu: gauge(12, 4),
  ph: gauge(7.4, 0.4, 2),
  ppm: gauge(620, 180, 0),
  ppb: gauge(140, 60, 0),
  uscm: gauge(35, 6),
  kmh: gauge(44, 12),
  mps: gauge(3.5, 2.5),
  mmh: gauge(0.6, 0.5, 2),
  vph: gauge(600, 450, 0),
  deg: gauge(180, 120, 0),
  rpm: gauge(1500, 12, 0),
  ohm: gauge(470, 12),
  bytes: gauge(8e9, 3e9, 0),
  count: gauge(60, 40, 0),
};

/** By name, where the unit alone would mislead. `spots = occupied + free` holds at any time. */
const byName: Readonly<Record<string, Gauge>> = {
  power_factor_ratio: gauge(0.95, 0.03, 3),
  pue_ratio: gauge(1.4, 0.2, 3),
  ppue_ratio: gauge(1.2, 0.1, 3),
  voltage_ll_v: gauge(400, 7),
  battery_v: gauge(12.6, 0.5, 2),
  core_v: gauge(0.8, 0.1, 3),
  battery_voltage_v: gauge(54, 2),
  input_v: gauge(5, 3, 2),
  input_a: gauge(0.012, 0.006, 5),
  supply_air_c: gauge(20, 1.5),
  return_air_c: gauge(31, 2),
  inlet_c: gauge(23, 2),
  exhaust_c: gauge(35, 3),
  power_limit_w: gauge(3000, 0, 0),
  thd_v_pct: gauge(2, 0.8),
  thd_i_pct: gauge(6, 3),
  battery_charge_pct: gauge(96, 3),
  pressure_pa: gauge(101_325, 900, 0),
  supply_pa: gauge(250_000, 9000, 0),
  return_pa: gauge(150_000, 9000, 0),
  oil_pa: gauge(400_000, 30_000, 0),
  sm_clock_hz: gauge(1.6e9, 2e8, 0),
  mem_total_bytes: gauge(68_719_476_736, 0, 0),
  angle_x_deg: gauge(0.4, 0.6, 2),
  angle_y_deg: gauge(-0.2, 0.6, 2),
  angle_z_deg: gauge(1, 0.6, 2),
  freezing_c: gauge(-2, 1.5),
  film_mm: gauge(0.4, 0.3, 2),
  interval_s: gauge(60, 0, 0),
  spots_count: gauge(120, 0, 0),
  free_count: gauge(60, -40, 0),
};

/** Growth of a counter, per second, in its own unit; its depth is how strongly load shows. */
const counterRates: Readonly<Record<string, number>> = {
  wh_total: 1840 / 3600,
  varh_total: 300 / 3600,
  vah_total: 2000 / 3600,
  s_total: 0.5,
  ms_total: 500,
  mm_total: 1 / 36_000,
  l_total: 0.2,
  bytes_total: 1e6,
  total: 0.05,
};
const depth = 900 / 1840;

/** States that are 1 on a normal day; all others are 0. */
const usuallyOne: ReadonlySet<string> = new Set([
  "outlet_state",
  "unit_state",
  "compressor_state",
  "power_state",
  "output_state",
  "mains_state",
  "source_state",
]);

const dayMs = 86_400_000;
const elevenMinutesMs = 660_000;
/** Noise holds still for a second and states for five minutes: about one odd state a day. */
const noiseMs = 1000;
const stateMs = 300_000;
const oddStates = 1 / 288;

/**
 * The wave of any field of the register (or an `x_` field): what is constant for a field of a
 * channel is worked out once, here.
 */
export function waveform(field: string, key: string, seed: number): Wave {
  const channel = hash(key, seed);
  const own = hash(field, channel);
  const unit = unitName(field);
  if (unit === "code") return () => 0;
  if (unit === "state") return stateWave(usuallyOne.has(field) ? 1 : 0, own);
  const rate = counterRates[unit];
  if (rate !== undefined) return counterWave(rate, channel);
  return gaugeWave(byName[field] ?? byUnit[unit] ?? gauge(50, 20), channel, own);
}

/** Uniform in [0, 1) for a number and a time slot: dice that everybody throws alike. */
export function dice(own: number, slot: number): number {
  const low = slot % 0x1_0000_0000;
  return mix(own ^ Math.imul(low | 0, 0x9e3779b1) ^ ((slot - low) / 0x1_0000_0000)) / 2 ** 32;
}

/** FNV-1a over UTF-16 code units, begun at a seed. */
export function hash(text: string, seed: number): number {
  let value = mix(seed ^ 0x811c9dc5);
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(value);
}

function gaugeWave({ base, swing, digits }: Gauge, channel: number, own: number): Wave {
  const day = phaseOf(channel, 1);
  const minutes = phaseOf(channel, 2);
  const step = 10 ** digits;
  // Counted things carry no noise, so that parts still add up to the whole.
  const noise = digits === 0 ? 0 : 0.2;
  return (timeMs) => {
    const load =
      0.7 * Math.sin(angle(timeMs, dayMs, day)) +
      0.2 * Math.sin(angle(timeMs, elevenMinutesMs, minutes));
    const jitter = noise === 0 ? 0 : noise * (dice(own, Math.floor(timeMs / noiseMs)) - 0.5);
    return Math.round((base + swing * (load + jitter)) * step) / step;
  };
}

/** The integral of a rate that stays above zero: 1 + depth · load never falls below 0.5. */
function counterWave(rate: number, channel: number): Wave {
  const day = phaseOf(channel, 1);
  const minutes = phaseOf(channel, 2);
  const perMs = rate / 1000;
  const dayShare = (-0.7 * depth * dayMs) / (2 * Math.PI);
  const minutesShare = (-0.2 * depth * elevenMinutesMs) / (2 * Math.PI);
  // The integral's own wobble may lie below zero shortly after 1970; this lifts it above.
  const start = -dayShare - minutesShare;
  return (timeMs) =>
    Math.floor(
      perMs *
        (start +
          timeMs +
          dayShare * Math.cos(angle(timeMs, dayMs, day)) +
          minutesShare * Math.cos(angle(timeMs, elevenMinutesMs, minutes))),
    );
}

function stateWave(usual: number, own: number): Wave {
  return (timeMs) => {
    const odd = dice(own, Math.floor(timeMs / stateMs)) < oddStates;
    return odd ? 1 - usual : usual;
  };
}

/** Reduced before the sine: at 1e12 ms an unreduced angle would lose its last digits. */
function angle(timeMs: number, periodMs: number, phase: number): number {
  return ((timeMs % periodMs) / periodMs) * 2 * Math.PI + phase;
}

function phaseOf(channel: number, which: number): number {
  return dice(channel, which) * 2 * Math.PI;
}

/** Finalizer of MurmurHash3: every bit of the input reaches every bit of the answer. */
function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

const suffixes: ReadonlyMap<unknown, string> = new Map(
  Object.entries(units).map(([suffix, unit]) => [unit, suffix]),
);
/** Field names are those of the register and of profiles: far fewer than this. */
const unitLimit = 10_000;
const unitNames = new Map<string, string>();

function unitName(field: string): string {
  let name = unitNames.get(field);
  if (name === undefined) {
    name = suffixes.get(unitOf(field)) ?? "";
    if (unitNames.size < unitLimit) unitNames.set(field, name);
  }
  return name;
}
