/**
 * A profile of what was found, to begin one with: `rackstreet read --profile FILE` takes it at
 * once. Written by hand, so that a person reads it: one line a field, the reason behind it.
 */
import { placeOf } from "../pdu.ts";
import type { Candidate } from "./candidates.ts";
import { quantityOrder } from "./physics.ts";
import { quantities } from "./quantities.ts";

/** Phases of a mains. */
const phases = ["L1", "L2", "L3"] as const;

/** Rows for a second and a third of a kind are phases of a meter. */
const perPhase = new Set(["voltage_v", "current_a", "active_power_w", "power_factor_ratio"]);

interface Row {
  readonly measurement: string;
  readonly tag: string | undefined;
  readonly fields: string[];
}

/** The YAML of a profile; each quantity's candidates in the order of their addresses. */
export function skeletonOf(found: readonly Candidate[]): string {
  const rows = new Map<string, Row>();
  for (const quantity of quantityOrder) {
    const own = found.filter((candidate) => candidate.quantity === quantity);
    own.sort((a, b) => a.at - b.at);
    for (const [index, candidate] of own.entries()) {
      const place = rowFor(candidate, { index, count: own.length });
      const key = `${place.measurement} ${place.tag ?? ""}`;
      const row = rows.get(key) ?? { ...place, fields: [] };
      rows.set(key, row);
      row.fields.push(fieldLine(candidate, place.field));
    }
  }
  const power = found.every(({ quantity }) => quantities[quantity].measurement === "energy_meter");
  return [
    "# What a probe found: hold it against the manual before you trust it.",
    "id: my-device",
    "vendor: Unknown",
    "model: Unknown",
    `class: ${power ? "power" : "thermal"}`,
    "driver: modbus",
    "sources:",
    "  - rackstreet probe",
    "confidence: low",
    "points:",
    ...[...rows.values()].flatMap(({ measurement, tag, fields }) => [
      `  - measurement: ${measurement}`,
      ...(tag === undefined ? [] : [`    tags: ${tag}`]),
      "    fields:",
      ...fields,
    ]),
    "",
  ].join("\n");
}

interface RowPlace {
  readonly measurement: string;
  readonly tag: string | undefined;
  readonly field: string;
}

/** One of a kind is the device's; three are its phases; any other number is told apart by name. */
function rowFor(
  { quantity }: Candidate,
  { index, count }: { readonly index: number; readonly count: number },
): RowPlace {
  const { measurement, field } = quantities[quantity];
  if (measurement === "thermal") {
    return { measurement, tag: `{ sensor: "${index + 1}" }`, field };
  }
  const phase = phases[index];
  if (count > 1 && phase !== undefined && perPhase.has(field)) {
    return { measurement: "meter_phase", tag: `{ phase: ${phase} }`, field };
  }
  if (index === 0 || (perPhase.has(field) && index === phases.length)) {
    return { measurement, tag: undefined, field };
  }
  return { measurement, tag: undefined, field: `x_${quantity}_${index + 1}${suffixOf(field)}` };
}

/** The unit at the end of a field's name, which the register reads. */
function suffixOf(field: string): string {
  const counted = /_(wh_total)$/.exec(field)?.[1];
  const unit = counted ?? field.split("_").at(-1) ?? "";
  return field.startsWith("x_") ? "" : `_${unit}`;
}

function fieldLine({ table, at, type, order, scale, why }: Candidate, field: string): string {
  const entries = [
    `at: 0x${at.toString(16).padStart(4, "0")}`,
    `table: ${table}`,
    `type: ${type}`,
    ...(order === "ABCD" ? [] : [`order: ${order}`]),
    ...(scale === 1 ? [] : [`scale: ${scale}`]),
  ];
  const reason = why.join("; ").replaceAll(/[\n\r]/g, " ");
  return `      ${field}: { ${entries.join(", ")} } # ${placeOf({ table, at })}: ${reason}`.slice(
    0,
    400,
  );
}
