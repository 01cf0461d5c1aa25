/**
 * Mistakes of a Modbus profile that no single key shows: a text without a length, bits beyond the
 * register, a repeated row that runs over the end of the address space. Each at its place in the
 * file, so that who writes a profile sees the line; `rowsOf` throws for the same ones.
 */
import type { ProfilePoint, ProfileProblem } from "../../config/index.ts";
import { fieldFacts } from "../../telemetry/index.ts";
import { placeOf, tables } from "./pdu.ts";
import type { ModbusField, ModbusProfile } from "./profile.ts";
import { typeWords } from "./values.ts";

interface Place {
  readonly profile: ModbusProfile;
  readonly point: ProfilePoint<ModbusField>;
  readonly name: string;
  readonly field: ModbusField;
}

/** Every mistake, in the order of the file. */
export function* profileProblems(profile: ModbusProfile): Generator<ProfileProblem> {
  const given = new Map<string, number>();
  for (const [index, point] of profile.points.entries()) {
    for (const [name, field] of Object.entries(point.fields)) {
      const at = ["points", String(index), "fields", name] as const;
      for (const message of fieldProblems({ profile, point, name, field })) yield { at, message };
    }
    for (const series of seriesOf(point)) {
      const before = given.get(series);
      if (before !== undefined) {
        const message = `${series} stands in point ${before} already; put its fields together`;
        yield { at: ["points", String(index), "measurement"], message };
        break;
      }
      given.set(series, index);
    }
  }
}

function* fieldProblems(place: Place): Generator<string> {
  const { profile, point, name, field } = place;
  const { header } = profile;
  const { bits: isBit } = tables[field.table ?? header.table];
  const type = isBit ? "uint16" : (field.type ?? header.type);
  const length = isBit ? 1 : typeWords[type] || (field.length ?? 0);
  if (length === 0) {
    yield "a text needs `length`, in registers of two characters";
    return;
  }
  const bits = field.bits;
  if (bits !== undefined && bits.from + bits.count > length * 16) {
    yield `\`bits\` reaches beyond the ${length * 16} bits of ${type}`;
  }
  const wanted = fieldFacts(point.measurement, name)?.type;
  if (type === "string" && wanted !== "text" && wanted !== "any") {
    yield "a text is not a number; give a number's `type`, or a field of your own without a unit";
  }
  // Where a field of a model is, only the device's chain says.
  if (header.models === undefined && field.model === undefined) yield* spanProblems(place, length);
  else yield* modelProblems(place);
}

function* modelProblems({ profile: { header }, field: { model } }: Place): Generator<string> {
  const families = Object.keys(header.models ?? {});
  if (header.models === undefined) yield "`model` needs the families of `header.models`";
  else if (model === undefined) yield `needs a \`model\`: one of ${families.join(", ")}`;
  else if (!families.includes(model)) {
    yield `\`header.models\` names no family "${model}"; there are ${families.join(", ")}`;
  }
}

function* spanProblems({ profile, point, field }: Place, length: number): Generator<string> {
  const { header } = profile;
  const { count, stride } = point.repeat ?? { count: 1, stride: 0 };
  const table = field.table ?? header.table;
  const most = tables[table].bits ? header.maxBits : header.maxRegisters;
  if (length > most) yield `takes ${length} registers, and the device gives ${most} in one answer`;
  for (let row = 0; row < count; row += 1) {
    const span = { table, at: field.at + row * stride, count: length };
    const last = span.at + length - 1;
    const where = count === 1 ? placeOf(span) : `row ${row + 1} at ${placeOf(span)}`;
    if (last > 0xffff) {
      yield `${where} lies beyond the last address, 0xffff`;
      return;
    }
    if (header.forbid.some(([from, to]) => span.at <= to && last >= from)) {
      yield `${where} is forbidden by \`header.forbid\``;
      return;
    }
  }
}

/** Measurement and channel of each row of a point; families of models may give the same one. */
function seriesOf({ measurement, tags, repeat, fields }: ProfilePoint<ModbusField>): string[] {
  const [template = ""] = Object.values(tags ?? {});
  const { count, from } = repeat ?? { count: 1, from: 1 };
  const families = new Set(Object.values(fields).flatMap(({ model }) => model ?? []));
  return Array.from({ length: count }, (_, index) =>
    [measurement, template.replaceAll("{n}", String(from + index)), ...families].join(" ").trim(),
  );
}
