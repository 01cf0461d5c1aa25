/**
 * The registers of a device seen in one form: addresses and numbers. Physics is looked for inside
 * a family, because a device keeps to one form for quantities of a kind.
 */
import type { Form, RawReading } from "./readings.ts";
import { forms, readAs } from "./readings.ts";
import type { RegisterTable, Snapshot } from "./snapshot.ts";
import { registerTables } from "./snapshot.ts";

export interface Family {
  readonly table: RegisterTable;
  readonly form: Form;
  readonly float: boolean;
  /** Signed and unsigned together, in order of address; zero and "no value" are left out. */
  readonly readings: readonly RawReading[];
  readonly byAddress: ReadonlyMap<number, RawReading>;
}

/** Types worth the search without an expectation; each with its signed twin. */
const searched: readonly (readonly [string, string | undefined])[] = [
  ["uint16", "int16"],
  ["float32", undefined],
  ["uint32", "int32"],
  ["float64", undefined],
  ["uint64", "int64"],
];

/** Fewer readings make no pattern. */
const fewest = 2;

/** The families of a snapshot, the usual forms first. */
export function familiesOf(snapshot: Snapshot): Family[] {
  const families: Family[] = [];
  for (const form of forms) {
    const twins = searched.find(([type]) => type === form.type);
    if (twins === undefined) continue;
    const signed = forms.find(({ type, order }) => type === twins[1] && order === form.order);
    for (const table of registerTables) {
      const family = familyOf(snapshot, table, signed === undefined ? [form] : [signed, form]);
      if (family !== undefined && family.readings.length >= fewest) families.push(family);
    }
  }
  return families;
}

function familyOf(
  snapshot: Snapshot,
  table: RegisterTable,
  variants: readonly Form[],
): Family | undefined {
  const form = variants.at(-1);
  if (form === undefined) return undefined;
  const byAddress = new Map<number, RawReading>();
  const addresses = [...snapshot.words[table].keys()].toSorted((a, b) => a - b);
  for (const at of addresses) {
    for (const variant of variants) {
      const reading = readAs(snapshot, { table, at }, variant);
      if (reading === undefined || reading.raw === 0) continue;
      byAddress.set(at, reading);
      break;
    }
  }
  const float = form.type.startsWith("float");
  return { table, form, float, readings: [...byAddress.values()], byAddress };
}
