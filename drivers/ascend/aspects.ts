/**
 * What is asked of each NPU with `npu-smi info -t …`, and where its values stand. Versions and
 * products differ: of several ways to one field the first that is there counts.
 */
import type { CardRow } from "../cards.ts";
import type { Pairs } from "./pairs.ts";
import { isAbsent, sumOf } from "./pairs.ts";

export const aspects = ["common", "usages", "memory", "ecc", "health"] as const;
export type Aspect = (typeof aspects)[number];

interface Place {
  readonly field: string;
  /** Ways to the field; the values of one way are added up. */
  readonly ways: readonly (readonly string[])[];
  readonly scale?: number;
}

const megahertz = 1e6;

/** Errors of either memory: a card has one or the other. */
function ofBoth(rest: string): readonly string[] {
  return [`HBM ${rest}`, `DDR ${rest}`];
}

const places: Readonly<Record<Exclude<Aspect, "health">, readonly Place[]>> = {
  common: [
    {
      field: "sm_clock_hz",
      ways: [["Aicore curFreq(MHZ)"], ["Aicore Freq(MHZ)"]],
      scale: megahertz,
    },
  ],
  usages: [{ field: "mem_util_pct", ways: [["HBM Bandwidth Usage Rate(%)"]] }],
  memory: [
    { field: "mem_temp_c", ways: [["HBM Temperature(C)"], ["HBM Temperature (C)"]] },
    {
      field: "mem_clock_hz",
      ways: [["HBM Clock Speed(MHz)"], ["DDR Clock Speed(MHz)"]],
      scale: megahertz,
    },
  ],
  ecc: [
    {
      field: "ecc_ce_total",
      ways: [ofBoth("Single Bit Aggregate Total Err Cnt"), ofBoth("Single Bit Error Count")],
    },
    {
      field: "ecc_ue_total",
      ways: [ofBoth("Double Bit Aggregate Total Err Cnt"), ofBoth("Double Bit Error Count")],
    },
    {
      field: "retired_pages_count",
      ways: [
        [
          ...ofBoth("Single Bit Isolated Pages Count"),
          ...ofBoth("Double Bit Isolated Pages Count"),
        ],
      ],
    },
  ],
};

const pending = ["Single", "Double"].flatMap((bits) =>
  ofBoth(`${bits} Bit Next-Isolated Pages Count`),
);

/** Adds what the answer tells. @returns keys whose values cannot be read */
export function readAspect(aspect: Aspect, pairs: Pairs, row: CardRow): string[] {
  if (aspect === "health") return readFault(pairs, row);
  const broken: string[] = [];
  for (const { field, ways, scale = 1 } of places[aspect]) {
    for (const keys of ways) {
      const sum = sumOf(pairs, keys);
      if (sum === undefined) continue;
      if (sum === "broken") broken.push(keys.find((key) => pairs.has(key)) ?? "");
      else row.add(field, { ...sum, value: sum.value * scale });
      break;
    }
  }
  if (aspect === "ecc") {
    const sum = sumOf(pairs, pending);
    if (sum === "broken") broken.push(pending[0] ?? "");
    else if (sum !== undefined) {
      row.add("retired_pending_state", { ...sum, value: sum.value > 0 ? 1 : 0 });
    }
  }
  return broken;
}

/** `Error Code : NA`, or hexadecimal codes, the gravest first. */
function readFault(pairs: Pairs, row: CardRow): string[] {
  const text = pairs.get("Error Code");
  if (text === undefined) return [];
  if (isAbsent(text)) {
    row.add("fault_code", { value: 0, at: "Error Code", raw: text });
    return [];
  }
  const code = /^\[?(?:0x)?([0-9a-f]{1,8})\b/i.exec(text)?.[1];
  if (code === undefined) return ["Error Code"];
  row.add("fault_code", { value: Number.parseInt(code, 16), at: "Error Code", raw: text });
  return [];
}
