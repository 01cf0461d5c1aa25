/**
 * Where the fields of a profile stand in its file, so that a value can be followed back to the
 * line that says how it is read.
 */
import { isRecord } from "../telemetry/index.ts";
import type { YamlFile } from "./document.ts";
import type { Profile, ProfilePoint } from "./profile.ts";

/** Line of each field, from 1: by point, then by field, in the order of the file. */
export type FieldLines = readonly (readonly number[])[];

/** The lines of a profile's file. */
export function fieldLinesOf(file: YamlFile): FieldLines {
  const points = isRecord(file.data) ? file.data["points"] : undefined;
  return list(points).map((point, index) => {
    const fields = isRecord(point) && isRecord(point["fields"]) ? Object.keys(point["fields"]) : [];
    return fields.map((name) => file.complain(["points", index, "fields", name], "", true).line);
  });
}

/** A field of one channel, as points name it. */
interface NamedField {
  readonly measurement: string;
  /** Value of the channel tag, or empty. */
  readonly channel: string;
  readonly field: string;
}

/** The line of a field; undefined when the profile has none of that name and channel. */
export function lineOfField(
  profile: Profile,
  lines: FieldLines,
  named: NamedField,
): number | undefined {
  const index = profile.points.findIndex((point) => gives(point, named));
  const names = Object.keys(profile.points[index]?.fields ?? {});
  return lines[index]?.[names.indexOf(named.field)];
}

function gives(point: ProfilePoint<unknown>, { measurement, channel, field }: NamedField): boolean {
  if (point.measurement !== measurement || !Object.hasOwn(point.fields, field)) return false;
  const [template = ""] = Object.values(point.tags ?? {});
  const { count, from } = point.repeat ?? { count: 1, from: 1 };
  return Array.from({ length: count }, (_, index) =>
    template.replaceAll("{n}", String(from + index)),
  ).includes(channel);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
