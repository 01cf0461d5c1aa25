/** `docs/reference/measurements.gen.md`: the register, with units, types and valid ranges. */
import type { FieldEntry, MeasurementEntry } from "../../telemetry/index.ts";
import { fieldFacts, measurements, placeTags } from "../../telemetry/index.ts";
import { code, page, table } from "./page.ts";

export function measurementsPage(): string {
  const entries = Object.entries<MeasurementEntry>(measurements);
  return page(
    "# Measurements and fields",
    [
      `Every line carries the tags ${placeTags.map(code).join(", ")} and at most the one channel`,
      "tag named below. Every line carries `q` (integer): 0 good, 1 substituted, 2 uncertain,",
      "3 stale, 4 no communication. The first line of a batch carries the integers `seq`, its",
      "number in the stream, and `stream`, which stream: `rackstreet audit` compares them with",
      "what agents offered. The unit is the end of a field's name. A field outside this",
      "register is legal only as `x_<name>`. Names are API: they are added, never renamed.",
    ].join("\n"),
    ...entries.flatMap(([name, entry]) => chapter(name, entry)),
  );
}

function chapter(name: string, { about, channel, fields }: MeasurementEntry): string[] {
  const tag = channel === undefined ? "No channel tag." : `Channel tag: ${code(channel)}.`;
  const rows = Object.entries(fields).map(([field, entry]) => row(name, field, entry));
  const head = ["Field", "Type", "Unit", "UCUM", "Valid", "Means"];
  return [`## ${name}`, `${about} ${tag}`, table(head, rows)];
}

function row(measurement: string, field: string, entry: FieldEntry): string[] {
  const facts = fieldFacts(measurement, field);
  const valid = entry.range === undefined ? "" : entry.range.map(shown).join(" … ");
  const unit = facts?.unit;
  return [
    code(field),
    facts?.type ?? "",
    unit?.shown ?? "",
    code(unit?.ucum ?? ""),
    valid,
    [entry.about, ...statesOf(entry)].join(" "),
  ];
}

function statesOf({ states }: FieldEntry): string[] {
  if (states === undefined) return [];
  const named = Object.entries(states).map(([value, meaning]) => `${value} ${meaning}`);
  return [`(${named.join(", ")})`];
}

function shown(value: number): string {
  return Math.abs(value) >= 1e6 ? value.toExponential().replace("e+", "e") : String(value);
}
