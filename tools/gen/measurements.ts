/** `docs/reference/measurements.gen.md`: the register, with units, types and valid ranges. */
import type { FieldEntry, MeasurementEntry } from "../../telemetry/index.ts";
import { fieldFacts, maxRolledFields, measurements, placeTags } from "../../telemetry/index.ts";
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
    "## Roll-ups",
    [
      "The hub sums every measurement up over windows of 1 m, 5 m and 1 h, UTC:",
      "`energy_meter_1h` is `energy_meter` with the same tags, one row a window, its time the",
      "start of the window. Rows of `q` 0 and 1 count; `q` itself is not rolled up and is 0",
      "in every row. The aggregate stands in front of the field, so that the unit stays at",
      "its end: `mean_active_power_w` (float), `sum_active_power_w` (float), `min_`, `max_`",
      "and `last_` (of the field's own type), but `active_power_w_count` (integer), the rows",
      "behind it. Counters (`_total`) have `_count`, `min_`, `max_`, `last_` and",
      "`delta_energy_wh_total`, how much it rose since the last reading before the window,",
      "and no sum or mean, which mean nothing. Decibels and degrees (`_db`, `_dbm`, `_deg`)",
      "have no sum or mean either: the mean of 350° and 10° is not 180°. Numeric `x_` fields",
      `are rolled up too, at most ${maxRolledFields} fields of a measurement; texts are not. Late`,
      "rows are rolled up again in place. Devices may not write roll-ups, and there are none of",
      "roll-ups, nor of what was stored before they were switched on.",
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
    [entry.about, ...statesOf(entry), ...restartsOf(entry)].join(" "),
  ];
}

function statesOf({ states }: FieldEntry): string[] {
  if (states === undefined) return [];
  const named = Object.entries(states).map(([value, meaning]) => `${value} ${meaning}`);
  return [`(${named.join(", ")})`];
}

function restartsOf({ restarts }: FieldEntry): string[] {
  return restarts === true ? ["Begins again at 0."] : [];
}

function shown(value: number): string {
  return Math.abs(value) >= 1e6 ? value.toExponential().replace("e+", "e") : String(value);
}
