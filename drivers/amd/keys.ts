/**
 * Where AMD's tools keep what we want: keys have changed with nearly every version of ROCm, so each
 * field has all that are known, and the first with a value counts. A unit in a key's name is read
 * from the name.
 *
 *   amd-smi    nested, since ROCm 6:  {"power": {"socket_power": {"value": 36, "unit": "W"}}}
 *   rocm-smi   flat, ROCm 4.3 to 6:   {"Average Graphics Package Power (W)": "36.0"}
 */
import type { CardRow } from "../cards.ts";
import { throttle } from "../cards.ts";
import { valueAt } from "./json.ts";
import type { Base } from "./quantity.ts";
import { quantity } from "./quantity.ts";

interface Key {
  readonly field: string;
  readonly base: Base;
  /** The unit where none is printed. */
  readonly usual: string;
  readonly paths: readonly string[];
}

const ofMetric: readonly Key[] = [
  {
    field: "power_w",
    base: "W",
    usual: "W",
    paths: [
      "power/socket_power",
      "power/current_socket_power",
      "power/current_power",
      "power/average_socket_power",
      "power/average_power",
    ],
  },
  {
    field: "temp_c",
    base: "C",
    usual: "C",
    // Accelerators without an edge sensor have the hottest point alone.
    paths: ["temperature/edge", "temperature/edge_temperature", "temperature/hotspot"],
  },
  {
    field: "hotspot_c",
    base: "C",
    usual: "C",
    paths: ["temperature/hotspot", "temperature/hotspot_temperature", "temperature/junction"],
  },
  {
    field: "mem_temp_c",
    base: "C",
    usual: "C",
    paths: ["temperature/mem", "temperature/mem_temperature", "temperature/vram"],
  },
  {
    field: "util_pct",
    base: "%",
    usual: "%",
    paths: ["usage/gfx_activity", "usage/gfx_usage", "usage/average_gfx_activity"],
  },
  {
    field: "mem_util_pct",
    base: "%",
    usual: "%",
    paths: ["usage/umc_activity", "usage/mem_usage", "usage/average_umc_activity"],
  },
  {
    field: "mem_used_bytes",
    base: "B",
    usual: "MB",
    paths: ["mem_usage/used_vram", "vram/used", "fb_usage/fb_used", "vram/vram_used"],
  },
  {
    field: "mem_total_bytes",
    base: "B",
    usual: "MB",
    paths: ["mem_usage/total_vram", "vram/total", "fb_usage/fb_total", "vram/vram_total"],
  },
  {
    field: "sm_clock_hz",
    base: "Hz",
    usual: "MHz",
    paths: ["clock/gfx_0/clk", "clock/gfx_0/cur_clk", "clock/gfx/clk", "clock/gfx/cur_clk"],
  },
  {
    field: "mem_clock_hz",
    base: "Hz",
    usual: "MHz",
    paths: ["clock/mem_0/clk", "clock/mem_0/cur_clk", "clock/mem/clk", "clock/mem/cur_clk"],
  },
  { field: "fan_pct", base: "%", usual: "%", paths: ["fan/usage", "fan/speed_percent"] },
  {
    field: "core_v",
    base: "V",
    usual: "mV",
    paths: ["power/gfx_voltage", "power/voltage_gfx", "voltage/vddgfx"],
  },
  {
    field: "ecc_ce_total",
    base: "1",
    usual: "",
    paths: ["ecc/total_correctable_count", "ecc/total_correctable", "ecc/correctable"],
  },
  {
    field: "ecc_ue_total",
    base: "1",
    usual: "",
    paths: ["ecc/total_uncorrectable_count", "ecc/total_uncorrectable", "ecc/uncorrectable"],
  },
  {
    field: "pcie_replay_total",
    base: "1",
    usual: "",
    paths: ["pcie/replay_count", "pcie/pcie_replay_count"],
  },
];

const ofStatic: readonly Key[] = [
  {
    field: "power_limit_w",
    base: "W",
    usual: "W",
    paths: [
      "limit/socket_power",
      "limit/current_power",
      "limit/power_cap",
      "limit/ppt0/socket_power_limit",
    ],
  },
];

/** Energy counters, not yet continuous. */
const energyPaths = ["energy/total_energy_consumption", "power/energy"] as const;

/** Keys of rocm-smi without their unit, in small letters. */
const ofRocm: readonly Key[] = [
  {
    field: "power_w",
    base: "W",
    usual: "W",
    paths: ["current socket graphics package power", "average graphics package power"],
  },
  { field: "power_limit_w", base: "W", usual: "W", paths: ["max graphics package power"] },
  {
    field: "temp_c",
    base: "C",
    usual: "C",
    paths: ["temperature (sensor edge)", "temperature (sensor junction)"],
  },
  { field: "hotspot_c", base: "C", usual: "C", paths: ["temperature (sensor junction)"] },
  { field: "mem_temp_c", base: "C", usual: "C", paths: ["temperature (sensor memory)"] },
  { field: "util_pct", base: "%", usual: "%", paths: ["gpu use"] },
  {
    field: "mem_util_pct",
    base: "%",
    usual: "%",
    paths: ["gpu memory read/write activity", "gpu memory use"],
  },
  { field: "mem_used_bytes", base: "B", usual: "B", paths: ["vram total used memory"] },
  { field: "mem_total_bytes", base: "B", usual: "B", paths: ["vram total memory"] },
  { field: "sm_clock_hz", base: "Hz", usual: "MHz", paths: ["sclk clock speed"] },
  { field: "mem_clock_hz", base: "Hz", usual: "MHz", paths: ["mclk clock speed"] },
  { field: "fan_pct", base: "%", usual: "%", paths: ["fan speed"] },
  { field: "core_v", base: "V", usual: "mV", paths: ["voltage"] },
  { field: "pcie_replay_total", base: "1", usual: "", paths: ["pcie replay count"] },
];

/** What is wrong in a card's values: `power/socket_power is no number`. */
export type Troubles = readonly string[];

/** Adds what `amd-smi metric` or `amd-smi static` tells of a card. */
export function readEntry(fields: unknown, row: CardRow, kind: "metric" | "static"): Troubles {
  const find = (path: string): Found => ({ found: valueAt(fields, path) });
  const troubles = readKeys(kind === "metric" ? ofMetric : ofStatic, row, find);
  if (kind === "metric") addThrottle(fields, row);
  return troubles;
}

/** Adds what `rocm-smi` tells of a card. */
export function readCard(fields: Readonly<Record<string, unknown>>, row: CardRow): Troubles {
  const bare = bareKeys(fields);
  return readKeys(ofRocm, row, (name) => bare.get(name) ?? { found: undefined });
}

/** The card's energy counter. @unit J */
export function energyOf(
  fields: Readonly<Record<string, unknown>>,
): { readonly joules: number; readonly at: string; readonly raw: string } | undefined {
  const places = [
    ...energyPaths.map((path) => ({ at: path, found: valueAt(fields, path), unit: "J" })),
    { at: "Accumulated Energy (uJ)", found: fields["Accumulated Energy (uJ)"], unit: "uJ" },
  ];
  for (const { at, found, unit } of places) {
    const read = quantity(found, "J", unit);
    // Cards without a counter say 0, whatever they draw.
    if (read !== undefined && "value" in read && read.value > 0) {
      return { joules: read.value, at, raw: read.raw };
    }
  }
  return undefined;
}

interface Found {
  readonly found: unknown;
  /** From the key's name. */
  readonly unit?: string | undefined;
}

function readKeys(keys: readonly Key[], row: CardRow, find: (path: string) => Found): string[] {
  const troubles: string[] = [];
  for (const { field, base, usual, paths } of keys) {
    for (const path of paths) {
      const { found, unit } = find(path);
      const read = quantity(found, base, unit ?? usual);
      if (read === undefined) continue;
      if ("value" in read) row.add(field, { value: read.value, at: path, raw: read.raw });
      else troubles.push(`${path} ${read.problem}: ${read.raw}`);
      break;
    }
  }
  return troubles;
}

/** `Voltage (mV)` and `sclk clock speed:` by name without unit and colon. */
function bareKeys(fields: Readonly<Record<string, unknown>>): ReadonlyMap<string, Found> {
  const bare = new Map<string, Found>();
  for (const [key, found] of Object.entries(fields).slice(0, 2000)) {
    const name = key.trim().replace(/:$/, "").toLowerCase();
    const [, short = name, unit] = /^(.{1,80}) \(([a-z%°]{1,5})\)$/.exec(name) ?? [];
    if (!bare.has(short)) bare.set(short, { found, unit });
  }
  return bare;
}

const { powerCap, hardware, thermal, other } = throttle;

/** Reasons that the newer accelerators tell one by one. */
const violations: ReadonlyMap<string, number> = new Map([
  ["prochot_violation_status", hardware | thermal],
  ["ppt_violation_status", powerCap],
  ["socket_thermal_violation_status", thermal],
  ["vr_thermal_violation_status", thermal],
  ["hbm_thermal_violation_status", thermal],
]);

function addThrottle(fields: unknown, row: CardRow): void {
  const told = [...violations].flatMap(([name, bits]) => {
    const status = valueAt(fields, `throttle/${name}`);
    return typeof status === "string" && /^(not )?active$/i.test(status)
      ? [{ name, bits: /^active$/i.test(status) ? bits : 0 }]
      : [];
  });
  const general = valueAt(fields, "power/throttle_status");
  if (told.length > 0) {
    const active = told.filter(({ bits }) => bits !== 0).map(({ name }) => name);
    const value = told.reduce((code, { bits }) => code | bits, 0);
    row.add("throttle_code", { value, at: "throttle", raw: active.join(" ") || "none" });
  } else if (typeof general === "string" && /^(un)?throttled$/i.test(general)) {
    const value = /^throttled$/i.test(general) ? other : 0;
    row.add("throttle_code", { value, at: "power/throttle_status", raw: general });
  }
}
