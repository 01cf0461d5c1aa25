/**
 * A profile whose fields stand in models becomes one with addresses, for the models that a device
 * has. Where two families give the same field (a meter in whole numbers and in floats), the one
 * that the header names first wins.
 */
import type { ProfilePoint } from "../../../config/index.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import type { ModbusField, ModbusProfile } from "../profile.ts";
import { typeWords } from "../values.ts";
import type { ModelBlock } from "./chain.ts";
import { chainStarts, endModel, marker } from "./chain.ts";

/** Whether a profile's addresses are known only once the device's chain is. */
export function isSunSpec({ header }: ModbusProfile): boolean {
  return header.models !== undefined;
}

/** What a type shows where a point is not implemented. [SUNSPEC 4.2] */
const notImplemented: Readonly<Record<string, readonly string[]>> = {
  int16: ["0x8000"],
  uint16: ["0xffff"],
  int32: ["0x80000000"],
  uint32: ["0xffffffff"],
  int64: ["0x8000000000000000"],
  uint64: ["0xffffffffffffffff"],
};

/**
 * The profile of a device with these blocks.
 * @throws E_PROFILE for a field without a model, or of a family that the header does not name
 */
export function resolve(profile: ModbusProfile, blocks: readonly ModelBlock[]): ModbusProfile {
  const families = Object.entries(profile.header.models ?? {});
  const found = new Map<string, ModelBlock>();
  for (const [family, models] of families) {
    const block = blocks.find(({ model }) => models.includes(model));
    if (block !== undefined) found.set(family, block);
  }
  const ranks = new Map(families.map(([family], index) => [family, index]));
  const seen = new Set<string>();
  const kept = new Map<ProfilePoint<ModbusField>, Record<string, ModbusField>>();
  const rankOf = ({ model = "" }: ModbusField): number => {
    const rank = ranks.get(model);
    if (rank !== undefined) return rank;
    throw new GatewayError("E_PROFILE", `${profile.id}: header.models names no family "${model}"`);
  };
  const entries = profile.points.flatMap((point) =>
    Object.entries(point.fields).map(([name, field]) => {
      return { point, name, field, rank: rankOf(field) };
    }),
  );
  for (const { point, name, field } of entries.toSorted((a, b) => a.rank - b.rank)) {
    const block = found.get(field.model ?? "");
    const key = `${point.measurement} ${JSON.stringify(point.tags)} ${name}`;
    if (block === undefined || seen.has(key) || endOf(field) > block.length + 2) continue;
    seen.add(key);
    const fields = kept.get(point) ?? {};
    fields[name] = placed(field, block.at);
    kept.set(point, fields);
  }
  const points = profile.points.flatMap((point) => {
    const fields = kept.get(point);
    return fields === undefined ? [] : [{ ...point, fields }];
  });
  return { ...profile, points };
}

function placed(field: ModbusField, at: number): ModbusField {
  const { scaleFrom, none = notImplemented[field.type ?? ""] } = field;
  return {
    ...field,
    at: at + field.at,
    ...(none === undefined ? {} : { none: [...none] }),
    ...(scaleFrom === undefined ? {} : { scaleFrom: { ...scaleFrom, at: at + scaleFrom.at } }),
  };
}

/** One past the last register of a field, counted from its block's id. */
function endOf({ at, type = "uint16", length }: ModbusField): number {
  return at + (typeWords[type] || (length ?? 0));
}

/** A device as the profile wants it, for simulation: the first model of each family in a row. */
export interface LaidOut {
  readonly profile: ModbusProfile;
  /** Marker, ids, lengths and end, by address. */
  readonly words: ReadonlyMap<number, number>;
}

/** Lays the families of a profile out behind each other. @throws E_PROFILE */
export function layOut(profile: ModbusProfile): LaidOut {
  const [start] = chainStarts;
  const words = new Map<number, number>(marker.map((word, index) => [start + index, word]));
  const blocks: ModelBlock[] = [];
  let at: number = start + marker.length;
  for (const [family, [model = 0]] of Object.entries(profile.header.models ?? {})) {
    const fields = profile.points
      .flatMap((point) => Object.values(point.fields))
      .filter((field) => field.model === family);
    const ends = fields.flatMap((field) => [endOf(field), (field.scaleFrom?.at ?? 0) + 1]);
    const length = Math.max(2, ...ends) - 2;
    words.set(at, model).set(at + 1, length);
    blocks.push({ model, at, length });
    at += 2 + length;
  }
  words.set(at, endModel).set(at + 1, 0);
  return { profile: resolve(profile, blocks), words };
}
