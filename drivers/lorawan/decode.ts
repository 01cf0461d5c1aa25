/** From one uplink to the points of its device, as the profile says. */
import type { Fault, Point, Tags } from "../../telemetry/index.ts";
import { fieldFacts, GatewayError, isRecord, withRangeQuality } from "../../telemetry/index.ts";
import type { Source, Trace } from "../contract.ts";
import type { Uplink } from "./event.ts";
import type { Divided } from "./payload.ts";
import { bytesOf, divide, hex, placeOf, rawOf } from "./payload.ts";
import type { BytesForm, DecodedForm, FieldForm, LorawanProfile } from "./profile.ts";
import { isDecoded } from "./profile.ts";

/** A point of a profile at its place. */
export interface Row {
  readonly measurement: string;
  readonly tags: Tags | undefined;
  readonly channel: string;
  readonly fields: readonly {
    readonly name: string;
    readonly forms: readonly FieldForm[];
    readonly whole: boolean;
  }[];
}

/** What an uplink gave. */
export interface Decoded {
  readonly points: Point[];
  readonly faults: Fault[];
  readonly traces: Trace[];
}

/** @throws E_PROFILE for what an uplink cannot have */
export function rowsOf({ id, points }: LorawanProfile): Row[] {
  return points.map(({ measurement, tags, fields, every, repeat }) => {
    if (every !== undefined || repeat !== undefined) {
      const why = "an uplink has neither `every` nor `repeat`";
      throw new GatewayError("E_PROFILE", `${id}: ${measurement}: ${why}`);
    }
    const named = Object.entries(fields).map(([name, forms]) => {
      return { name, forms, whole: fieldFacts(measurement, name)?.type === "integer" };
    });
    return { measurement, tags, channel: Object.values(tags ?? {})[0] ?? "", fields: named };
  });
}

/** Every place that a value may come from. */
export function sourcesOf(rows: readonly Row[]): Source[] {
  return rows.flatMap(({ measurement, channel, fields }) =>
    fields.flatMap(({ name, forms }) =>
      forms.map((form) => ({ measurement, channel, field: name, at: atOf(form) })),
    ),
  );
}

function atOf(form: FieldForm): string {
  return isDecoded(form) ? `decoded ${form.path}` : placeOf(form);
}

export function decodeUplink(profile: LorawanProfile, rows: readonly Row[], up: Uplink): Decoded {
  const { header } = profile;
  const wanted = header.ports === undefined || header.ports.includes(up.port);
  // FPort 0 carries commands of the network, no data of the device. [LORAWAN-1.0.4 4.3.2]
  const divided = wanted && up.port > 0 && up.data.length > 0 ? divide(header, up.data) : undefined;
  const decoded: Decoded = { points: [], faults: [], traces: [] };
  if (divided?.stuck !== undefined) {
    decoded.faults.push({ code: "E_DEVICE_FRAME", at: `record ${divided.stuck}` });
  }
  const packed: Packed = { divided, little: header.order === "little", object: up.decoded };
  for (const row of rows) {
    const fields: Record<string, number> = {};
    for (const { name, forms, whole } of row.fields) {
      const found = firstOf(forms, packed);
      if (found === undefined) continue;
      const { at, raw, value } = found;
      const { measurement, channel } = row;
      decoded.traces.push({ measurement, channel, field: name, at, raw });
      if (value === undefined) decoded.faults.push({ code: "E_VALUE", at });
      else fields[name] = whole ? Math.round(value) : value;
    }
    const point = pointOf(row, fields);
    if (point !== undefined) decoded.points.push(point);
  }
  return decoded;
}

/** What an uplink holds, in both of its shapes. */
interface Packed {
  readonly divided: Divided | undefined;
  readonly little: boolean;
  readonly object: unknown;
}

/** What the first form gives that finds something. */
function firstOf(
  forms: readonly FieldForm[],
  { divided, little, object }: Packed,
): (Found & { readonly at: string }) | undefined {
  for (const form of forms) {
    const found = isDecoded(form)
      ? fromDecoded(form, object)
      : divided && fromBytes(form, divided, little);
    if (found !== undefined) return { ...found, at: atOf(form) };
  }
  return undefined;
}

function pointOf({ measurement, tags }: Row, fields: Readonly<Record<string, number>>) {
  if (Object.keys(fields).length === 0) return undefined;
  const point = { measurement, fields: withRangeQuality(measurement, fields) };
  return tags === undefined ? point : { ...point, tags };
}

/** A value and what stood there; without a value it makes no sense. */
interface Found {
  readonly raw: string;
  readonly value: number | undefined;
}

function fromBytes(form: BytesForm, divided: Divided, little: boolean): Found | undefined {
  const bytes = bytesOf(form, divided);
  if (bytes === undefined) return undefined;
  const raw = rawOf(form, bytes, form.order === undefined ? little : form.order === "little");
  if (form.none.includes(raw)) return undefined;
  if (form.states !== undefined)
    return { raw: hex(bytes), value: stateOf(form.states, String(raw)) };
  return { raw: hex(bytes), value: scaled(raw, form) };
}

function fromDecoded(form: DecodedForm, decoded: unknown): Found | undefined {
  const found = valueAt(decoded, form.path);
  if (typeof found !== "string" && typeof found !== "number" && typeof found !== "boolean") {
    return undefined;
  }
  const raw = String(found).slice(0, 64);
  if (form.states !== undefined) return { raw, value: stateOf(form.states, raw) };
  const number = typeof found === "string" && found.trim() === "" ? Number.NaN : Number(found);
  return { raw, value: scaled(number, form) };
}

/** What a code means; one that the profile does not name means nothing. */
function stateOf(states: Readonly<Record<string, number>>, code: string): number | undefined {
  return Object.hasOwn(states, code) ? states[code] : undefined;
}

/** Twelve digits carry no rounding noise: 238 × 0.1 is 23.8, not 23.800000000000004. */
function scaled(
  raw: number,
  { scale, offset }: { readonly scale: number; readonly offset: number },
): number | undefined {
  const value = Number((raw * scale + offset).toPrecision(12));
  return Number.isFinite(value) ? value : undefined;
}

/** What stands at `a.b[0].c` of plain data; own properties alone. */
function valueAt(data: unknown, path: string): unknown {
  let value = data;
  for (const step of path.split(/[.[]/)) {
    if (Array.isArray(value) && step.endsWith("]")) value = value[Number(step.slice(0, -1))];
    else if (isRecord(value) && Object.hasOwn(value, step)) value = value[step];
    else return undefined;
  }
  return value;
}
