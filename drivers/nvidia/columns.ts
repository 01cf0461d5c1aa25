/**
 * The columns that are asked for with `--query-gpu`, by field of the register, and the names that
 * a version of nvidia-smi knows: one name that it does not know fails the whole command, so those
 * of `--help-query-gpu` are asked for and no other. Columns are as `nounits` prints them.
 */
import type { CardRow } from "../cards.ts";
import { health, mebibyte } from "../cards.ts";
import type { Reader } from "./cell.ts";
import {
  cellOf,
  count,
  inSignedUnit,
  inUnit,
  isCritical,
  performanceState,
  yesOrNo,
} from "./cell.ts";
import { activeReasons, recoveryAction } from "./reasons.ts";

/** Who a card is: asked for always, and first. */
export const identity = ["count", "index", "uuid", "pci.bus_id"] as const;

interface Column {
  readonly field: string;
  /**
   * Names whose values are added up; each may have several spellings, and with `or` further ways
   * to the same field, tried in order where a card has no value for the first.
   */
  readonly sum: readonly string[];
  readonly or?: readonly string[];
  readonly read: Reader;
}

const event = "clocks_event_reasons_counters";
const ecc = "ecc.errors";
const microseconds = inUnit("us", 1e-3);
const watts = inUnit("W");
const degrees = inSignedUnit("C");
const percent = inUnit("%");
const megahertz = inUnit("MHz", 1e6);
const mebibytes = inUnit("MiB", mebibyte);

const columns: readonly Column[] = [
  { field: "power_w", sum: ["power.draw.instant"], or: ["power.draw"], read: watts },
  { field: "power_limit_w", sum: ["enforced.power.limit"], or: ["power.limit"], read: watts },
  { field: "module_power_w", sum: ["module.power.draw.instant"], read: watts },
  { field: "temp_c", sum: ["temperature.gpu"], read: degrees },
  { field: "mem_temp_c", sum: ["temperature.memory"], read: degrees },
  { field: "headroom_c", sum: ["temperature.gpu.tlimit"], read: degrees },
  { field: "util_pct", sum: ["utilization.gpu"], read: percent },
  { field: "mem_util_pct", sum: ["utilization.memory"], read: percent },
  { field: "mem_used_bytes", sum: ["memory.used"], read: mebibytes },
  { field: "mem_total_bytes", sum: ["memory.total"], read: mebibytes },
  { field: "sm_clock_hz", sum: ["clocks.current.sm"], or: ["clocks.sm"], read: megahertz },
  { field: "mem_clock_hz", sum: ["clocks.current.memory"], or: ["clocks.mem"], read: megahertz },
  { field: "fan_pct", sum: ["fan.speed"], read: percent },
  { field: "performance_code", sum: ["pstate"], read: performanceState },
  {
    field: "throttle_code",
    sum: ["clocks_event_reasons.active"],
    or: ["clocks_throttle_reasons.active"],
    read: activeReasons,
  },
  {
    field: "throttle_power_ms_total",
    sum: [`${event}.sw_power_cap`, `${event}.hw_power_brake_slowdown`],
    read: microseconds,
  },
  {
    field: "throttle_thermal_ms_total",
    sum: [`${event}.sw_thermal_slowdown`, `${event}.hw_thermal_slowdown`],
    read: microseconds,
  },
  { field: "throttle_other_ms_total", sum: [`${event}.sync_boost`], read: microseconds },
  { field: "ecc_ce_total", sum: [`${ecc}.corrected.aggregate.total`], read: count },
  { field: "ecc_ue_total", sum: [`${ecc}.uncorrected.aggregate.total`], read: count },
  {
    field: "retired_pages_count",
    sum: [
      "retired_pages.single_bit_ecc.count",
      "retired_pages.double_bit.count",
      "remapped_rows.correctable",
      "remapped_rows.uncorrectable",
    ],
    read: count,
  },
  {
    field: "retired_pending_state",
    sum: ["remapped_rows.pending"],
    or: ["retired_pages.pending"],
    read: yesOrNo,
  },
  { field: "health_state", sum: ["gpu_recovery_action"], read: recoveryAction },
];

/** Averaged over a second where the card can, which is what should be added up. */
const energyColumns = ["power.draw.average", "power.draw.instant", "power.draw"] as const;

const wanted = [...columns.flatMap(({ sum, or = [] }) => [...sum, ...or]), ...energyColumns];

/** Names that this version knows, each with all its spellings: `"a" or "b"` at a line's start. */
export function knownNames(help: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const line of help.split("\n")) {
    if (!line.startsWith('"')) continue;
    for (const [, name = ""] of line.matchAll(/"([\w.]{1,80})"/g)) names.add(name);
  }
  return names;
}

/** What is asked for: who each card is, then what we want and this version has. */
export function columnsToAsk(known: ReadonlySet<string>, refused: ReadonlySet<string>): string[] {
  const all = new Set(wanted.filter((name) => known.has(name) && !refused.has(name)));
  return [...identity, ...all];
}

/** The cells of one card, by the name of their column. */
export type Cells = ReadonlyMap<string, string>;

/** What is wrong in a card's cells: the words, and the columns where they stand. */
export type Trouble = ReadonlyMap<string, readonly string[]>;

/** Sets the fields of a card from its cells. @returns what is wrong, by its words */
export function readCells(cells: Cells, row: CardRow): Trouble {
  const trouble = new Map<string, string[]>();
  const blame = (why: string, name: string): void => {
    trouble.set(why, [...(trouble.get(why) ?? []), name]);
  };
  const read = (name: string, reader: Reader): number | undefined => {
    const cell = cellOf(cells.get(name) ?? "");
    // "None" is an answer here and no gap.
    if (name === "gpu_recovery_action" && cells.get(name)?.trim() === "None") return health.good;
    if (cell.kind === "fault") blame(cell.why, name);
    if (cell.kind !== "value") return undefined;
    const value = reader(cell.text);
    if (value === undefined) blame(`cannot be read: ${cell.text.slice(0, 40)}`, name);
    return value;
  };
  for (const { field, sum, or = [], read: reader } of columns) {
    for (const names of [sum, ...or.map((name) => [name])]) {
      const parts = names.flatMap((name) => {
        const value = read(name, reader);
        return value === undefined ? [] : [{ name, value }];
      });
      if (parts.length === 0) continue;
      const value = parts.reduce((total, part) => total + part.value, 0);
      const at = parts.map(({ name }) => name).join(" + ");
      row.add(field, { value, at, raw: parts.map(({ name }) => cells.get(name)).join(" + ") });
      break;
    }
  }
  if ([...trouble.keys()].some(isCritical)) {
    const [why = ""] = [...trouble.keys()].filter(isCritical);
    row.values.delete("health_state");
    row.add("health_state", { value: health.critical, at: "any column", raw: why });
  }
  return trouble;
}

/** The power to add up, where a card tells one. @unit W */
export function powerOf(cells: Cells): { readonly watts: number; readonly at: string } | undefined {
  for (const name of energyColumns) {
    const cell = cellOf(cells.get(name) ?? "");
    const power = cell.kind === "value" ? watts(cell.text) : undefined;
    if (power !== undefined && power >= 0) return { watts: power, at: name };
  }
  return undefined;
}
