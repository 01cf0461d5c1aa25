/**
 * What `nvidia-smi -q -x` tells of each card, for the schemas of nvsmi_device_v10 to v13.dtd: the
 * same value stands at another place in each, so a field has several paths, and the first that has
 * a value counts. Values have units here.
 *
 *   v10, v11  power_readings/power_draw, clocks_throttle_reasons
 *   v12       gpu_power_readings/power_draw, clocks_event_reasons, module_power_readings
 *   v13       gpu_power_readings/{instant,average}_power_draw, …_counters, *_tlimit
 */
import type { CardRow, CardValue } from "../cards.ts";
import { health, mebibyte } from "../cards.ts";
import type { Reader } from "./cell.ts";
import { cellOf, count, inSignedUnit, inUnit, performanceState, yesOrNo } from "./cell.ts";
import { reasonBits, recoveryAction } from "./reasons.ts";
import type { Element } from "./xml.ts";
import { elementAt, textAt } from "./xml.ts";

interface Detail {
  readonly field: string;
  readonly paths: readonly string[];
  /** Values at all paths are added up; else the first counts. */
  readonly sum?: true;
  readonly read: Reader;
}

const watts = inUnit("W");
const degrees = inSignedUnit("C");
const percent = inUnit("%");
const megahertz = inUnit("MHz", 1e6);
const mebibytes = inUnit("MiB", mebibyte);
const microseconds = inUnit("us", 1e-3);

const counters = "clocks_event_reasons_counters/clocks_event_reasons_counters";
const aggregate = "ecc_errors/aggregate";

const details: readonly Detail[] = [
  {
    field: "power_w",
    paths: [
      "gpu_power_readings/instant_power_draw",
      "gpu_power_readings/power_draw",
      "gpu_power_readings/average_power_draw",
      "power_readings/power_draw",
    ],
    read: watts,
  },
  {
    field: "power_limit_w",
    paths: [
      "gpu_power_readings/current_power_limit",
      "power_readings/enforced_power_limit",
      "power_readings/power_limit",
    ],
    read: watts,
  },
  {
    field: "module_power_w",
    paths: ["module_power_readings/instant_power_draw", "module_power_readings/power_draw"],
    read: watts,
  },
  { field: "temp_c", paths: ["temperature/gpu_temp"], read: degrees },
  { field: "mem_temp_c", paths: ["temperature/memory_temp"], read: degrees },
  { field: "headroom_c", paths: ["temperature/gpu_temp_tlimit"], read: degrees },
  { field: "util_pct", paths: ["utilization/gpu_util"], read: percent },
  { field: "mem_util_pct", paths: ["utilization/memory_util"], read: percent },
  { field: "mem_used_bytes", paths: ["fb_memory_usage/used"], read: mebibytes },
  { field: "mem_total_bytes", paths: ["fb_memory_usage/total"], read: mebibytes },
  { field: "sm_clock_hz", paths: ["clocks/sm_clock"], read: megahertz },
  { field: "mem_clock_hz", paths: ["clocks/mem_clock"], read: megahertz },
  { field: "fan_pct", paths: ["fan_speed"], read: percent },
  { field: "core_v", paths: ["voltage/graphics_volt"], read: inUnit("mV", 1e-3) },
  { field: "performance_code", paths: ["performance_state"], read: performanceState },
  {
    field: "throttle_power_ms_total",
    paths: [`${counters}_sw_power_cap`, `${counters}_hw_power_brake`],
    sum: true,
    read: microseconds,
  },
  {
    field: "throttle_thermal_ms_total",
    paths: [`${counters}_sw_therm_slowdown`, `${counters}_hw_therm_slowdown`],
    sum: true,
    read: microseconds,
  },
  { field: "throttle_other_ms_total", paths: [`${counters}_sync_boost`], read: microseconds },
  {
    field: "ecc_ce_total",
    paths: [`${aggregate}/sram_correctable`, `${aggregate}/dram_correctable`],
    sum: true,
    read: count,
  },
  { field: "ecc_ce_total", paths: [`${aggregate}/single_bit/total`], read: count },
  {
    field: "ecc_ue_total",
    paths: [
      `${aggregate}/sram_uncorrectable`,
      `${aggregate}/sram_uncorrectable_parity`,
      `${aggregate}/sram_uncorrectable_secded`,
      `${aggregate}/dram_uncorrectable`,
    ],
    sum: true,
    read: count,
  },
  { field: "ecc_ue_total", paths: [`${aggregate}/double_bit/total`], read: count },
  {
    field: "retired_pages_count",
    paths: [
      "retired_pages/multiple_single_bit_retirement/retired_count",
      "retired_pages/double_bit_retirement/retired_count",
      "remapped_rows/remapped_row_corr",
      "remapped_rows/remapped_row_unc",
    ],
    sum: true,
    read: count,
  },
  {
    field: "retired_pending_state",
    paths: ["remapped_rows/remapped_row_pending", "retired_pages/pending_retirement"],
    read: yesOrNo,
  },
  { field: "pcie_replay_total", paths: ["pci/replay_counter"], read: count },
];

/** What is wrong in a card's details: the words, and the paths where they stand. */
export type DetailTrouble = ReadonlyMap<string, readonly string[]>;

/** Adds to a row what it has no value for yet. @returns what is wrong, by its words */
export function readDetails(gpu: Element, row: CardRow): DetailTrouble {
  const trouble = new Map<string, string[]>();
  for (const detail of details) {
    if (row.values.has(detail.field)) continue;
    row.add(
      detail.field,
      valueAt(gpu, detail, (why, path) => {
        trouble.set(why, [...(trouble.get(why) ?? []), path]);
      }),
    );
  }
  row.add("throttle_code", throttleCode(gpu));
  row.add("health_state", judgement(gpu));
  row.add("instances_count", instancesCount(gpu));
  return trouble;
}

function valueAt(
  gpu: Element,
  { paths, sum, read }: Detail,
  blame: (why: string, path: string) => void,
): CardValue | undefined {
  const found: { readonly path: string; readonly text: string; readonly value: number }[] = [];
  for (const path of paths) {
    const cell = cellOf(textAt(gpu, path) ?? "");
    if (cell.kind === "fault") blame(cell.why, path);
    if (cell.kind !== "value") continue;
    const value = read(cell.text);
    if (value === undefined) blame(`cannot be read: ${cell.text.slice(0, 40)}`, path);
    else found.push({ path, text: cell.text, value });
    if (value !== undefined && sum !== true) break;
  }
  if (found.length === 0) return undefined;
  return {
    value: found.reduce((total, { value }) => total + value, 0),
    at: found.map(({ path }) => path).join(" + "),
    raw: found.map(({ text }) => text).join(" + "),
  };
}

function throttleCode(gpu: Element): CardValue | undefined {
  const at = elementAt(gpu, "clocks_event_reasons") ? "clocks_event_reasons" : undefined;
  const path = at ?? "clocks_throttle_reasons";
  const reasons = elementAt(gpu, path)?.children.filter(({ text }) =>
    /^(not )?active$/i.test(text),
  );
  if (reasons === undefined || reasons.length === 0) return undefined;
  const active = reasons.filter(({ text }) => /^active$/i.test(text)).map(({ name }) => name);
  const value = active.reduce((code, name) => code | reasonBits(name), 0);
  return { value, at: path, raw: active.length === 0 ? "none" : active.join(" ") };
}

/** The driver's advice: since v13 in one word, before that as two flags. */
function judgement(gpu: Element): CardValue | undefined {
  const action = textAt(gpu, "gpu_recovery_action");
  const advised = action === undefined ? undefined : recoveryAction(action);
  if (action !== undefined && advised !== undefined) {
    return { value: advised, at: "gpu_recovery_action", raw: action };
  }
  const reset = yesOrNo(textAt(gpu, "gpu_reset_status/reset_required") ?? "");
  const drain = yesOrNo(textAt(gpu, "gpu_reset_status/drain_and_reset_recommended") ?? "");
  if (reset === undefined) return undefined;
  const value = reset === 1 ? health.critical : drain === 1 ? health.warning : health.good;
  return { value, at: "gpu_reset_status", raw: `reset ${reset} drain ${drain ?? "-"}` };
}

function instancesCount(gpu: Element): CardValue | undefined {
  const mode = textAt(gpu, "mig_mode/current_mig") ?? "";
  if (!/^(en|dis)abled$/i.test(mode)) return undefined;
  return { value: instancesOf(gpu).length, at: "mig_devices", raw: mode };
}

/** One part of a divided card. */
export interface Instance {
  /** Its numbers in the card: GPU instance and compute instance. */
  readonly name: string;
  readonly values: ReadonlyMap<string, CardValue>;
}

/** The parts of a divided card (MIG); none when it is whole. */
export function instancesOf(gpu: Element): Instance[] {
  const parts = elementAt(gpu, "mig_devices")?.children ?? [];
  return parts.flatMap((part): Instance[] => {
    const instance = count(textAt(part, "gpu_instance_id") ?? "");
    const compute = count(textAt(part, "compute_instance_id") ?? "");
    if (part.name !== "mig_device" || instance === undefined) return [];
    const values = new Map<string, CardValue>();
    for (const [field, path] of [
      ["mem_used_bytes", "fb_memory_usage/used"],
      ["mem_total_bytes", "fb_memory_usage/total"],
    ] as const) {
      const value = valueAt(part, { field, paths: [path], read: mebibytes }, () => undefined);
      if (value !== undefined) values.set(field, { ...value, at: `mig_device/${path}` });
    }
    return [{ name: `gi${instance}_ci${compute ?? 0}`, values }];
  });
}
