/**
 * The form of `topology`: rooms, rows and racks, the equipment that brings power to them, and the
 * meters that stand for each. What no single key can see (loops, unknown names) is in problems.ts.
 */
import type { Schema } from "../options.ts";
import { levelName, option, placeText, text, v, whole } from "../options.ts";
import { amperes, voltAmperes, volts, watts } from "./quantities.ts";

/** From the street to the load. */
export const equipmentKinds = [
  "source",
  "transformer",
  "ups",
  "switchboard",
  "ats",
  "breaker",
  "pdu",
  "load",
] as const;
export type EquipmentKind = (typeof equipmentKinds)[number];

/** What must not cost a load its power: nothing; any one UPS; any one feed as well. */
export const redundancies = ["N", "N+1", "2N"] as const;
export type Redundancy = (typeof redundancies)[number];

export const phaseNames = ["L1", "L2", "L3"] as const;
export type Phase = (typeof phaseNames)[number];

/** Classes of equipment by the air that may enter it (ASHRAE TC 9.9, Thermal Guidelines 2021). */
export const airClasses = ["A1", "A2", "A3", "A4"] as const;
export type AirClass = (typeof airClasses)[number];

/** The most elements one site may have: places and equipment. */
export const maxElements = 10_000;
/** The most feeds: each is one failure that is worked out. */
export const maxFeeds = 8;
/** The most UPS of one site: each is one failure that is worked out. */
export const maxUps = 100;
/** The most meters of one element, and the most names in one list. */
const maxMeters = 8;
const maxInlets = 32;
const maxNames = 256;

/** A meter as it stands in the file; what is left out follows from the device's profile. */
export interface MeterOptions {
  readonly device: string;
  readonly measurement?: string | undefined;
  /** Several are added up: the phases of a feed, the outlets of a server. */
  readonly channel: readonly string[];
  readonly field?: string | undefined;
}

interface Metered {
  readonly about?: string | undefined;
  readonly meters: readonly MeterOptions[];
}

/** A temperature as it stands in the file. */
export interface InletOptions {
  readonly device: string;
  readonly measurement: string;
  readonly channel: string;
  readonly field?: string | undefined;
}

export interface AreaOptions extends Metered {
  readonly ashrae?: AirClass | undefined;
  readonly accelerator?: number | undefined;
  readonly power?: number | undefined;
  readonly cooling?: number | undefined;
  readonly redundancy?: Redundancy | undefined;
}

export interface RowOptions extends AreaOptions {
  readonly room?: string | undefined;
}

export interface RackOptions extends RowOptions {
  readonly row?: string | undefined;
  readonly units?: number | undefined;
  readonly inlets: readonly InletOptions[];
  readonly fedBy: readonly string[];
}

export interface EquipmentOptions extends Metered {
  readonly kind: EquipmentKind;
  readonly feed?: string | undefined;
  readonly fedBy: readonly string[];
  readonly feeds: readonly string[];
  readonly phases?: readonly Phase[] | undefined;
  readonly voltage?: number | undefined;
  readonly power?: number | undefined;
  readonly apparent?: number | undefined;
  readonly current?: number | undefined;
  readonly cable?: number | undefined;
  readonly derate?: number | undefined;
  readonly room?: string | undefined;
  readonly row?: string | undefined;
  readonly rack?: string | undefined;
  readonly units?: number | undefined;
  readonly redundancy?: Redundancy | undefined;
}

export interface TopologyOptions {
  readonly redundancy: Redundancy;
  readonly voltage: number;
  readonly derate: number;
  readonly ashrae: AirClass;
  readonly accelerator?: number | undefined;
  readonly water: readonly string[];
  readonly feeds: readonly string[];
  readonly rooms: Readonly<Record<string, AreaOptions>>;
  readonly rows: Readonly<Record<string, RowOptions>>;
  readonly racks: Readonly<Record<string, RackOptions>>;
  readonly equipment: Readonly<Record<string, EquipmentOptions>>;
}

/** One name, or a list of them. */
function names<Out extends string>(name: v.GenericSchema<string, Out>): Schema<readonly Out[]> {
  return v.pipe(
    v.union([name, v.pipe(v.array(name), v.maxLength(maxNames))], "write a name or a list of them"),
    v.transform((value): readonly Out[] => (typeof value === "string" ? [value] : value)),
  );
}

const meterForm = v.strictObject({
  device: option(levelName, { about: "The device that measures.", example: "pdu-r01-a" }),
  measurement: v.optional(
    option(text, {
      about: "A measurement of the register; left out, the total that its profile reads.",
      example: "rack_power",
    }),
  ),
  channel: v.optional(
    option(names(text), {
      about: "The channel, or several that are added up: phases, outlets.",
      example: "A",
    }),
    [],
  ),
  field: v.optional(
    option(text, {
      about: "The field; left out, the measurement's active power or current.",
      example: "active_power_w",
    }),
  ),
});

type MeterForm = v.InferOutput<typeof meterForm>;
const meterEntry: Schema<MeterForm> = v.pipe(
  v.union([levelName, meterForm], "write a device's id, or device, measurement, channel, field"),
  v.transform((value) => (typeof value === "string" ? { device: value, channel: [] } : value)),
);
const meterList: Schema<readonly MeterForm[]> = v.pipe(
  v.union(
    [meterEntry, v.pipe(v.array(meterEntry), v.maxLength(maxMeters))],
    "write a meter or a list of them",
  ),
  v.transform((value): readonly MeterForm[] => ("device" in value ? [value] : value)),
);

const inletForm = v.strictObject({
  device: option(levelName, { about: "The device that measures.", example: "probe-r01" }),
  measurement: v.optional(
    option(text, { about: "A measurement of the register.", example: "thermal" }),
    "thermal",
  ),
  channel: v.optional(option(text, { about: "The channel.", example: "inlet" }), ""),
  field: v.optional(
    option(text, { about: "The field; left out, the measurement's temperature of air entering." }),
  ),
});

const inletEntry: Schema<InletOptions> = v.pipe(
  v.union([levelName, inletForm], "write a device's id, or device, measurement, channel, field"),
  v.transform((value) =>
    typeof value === "string" ? { device: value, measurement: "thermal", channel: "" } : value,
  ),
);
const inletList: Schema<readonly InletOptions[]> = v.pipe(
  v.union(
    [inletEntry, v.pipe(v.array(inletEntry), v.maxLength(maxInlets))],
    "write an inlet or a list of them",
  ),
  v.transform((value): readonly InletOptions[] => ("device" in value ? [value] : value)),
);

const metered = {
  about: v.optional(option(text, { about: "What it is, for people." })),
  meters: v.optional(
    option(meterList, {
      about:
        "What measures its power: a device's id, or device, measurement, channel and field. Of " +
        "several the first that speaks counts; they are never added.",
      example: "pdu-r01-a",
    }),
    [],
  ),
};

const redundancy = option(v.picklist(redundancies), {
  about: "What must not cost a load its power. N: nothing; N+1: any one UPS; 2N: any one feed too.",
});

const ashrae = option(v.picklist(airClasses), {
  about: "ASHRAE class of the equipment there: which air may enter it (docs/capacity.md).",
});
const accelerator = v.optional(
  option(watts, {
    about: "Nameplate of each accelerator there; left out, the highest limit it was seen with.",
    example: "700W",
  }),
);

const area = {
  ...metered,
  ashrae: v.optional(ashrae),
  accelerator,
  power: v.optional(
    option(watts, { about: "What may be drawn there; of a rack without loads, what is planned." }),
  ),
  cooling: v.optional(option(watts, { about: "Heat that can be carried away there." })),
  redundancy: v.optional(redundancy),
};

const inRoom = v.optional(
  option(placeText, { about: "The room it stands in.", example: "hall-1" }),
);
const inRow = v.optional(option(placeText, { about: "The row it stands in.", example: "row-a" }));
const fedBy = v.optional(
  option(names(levelName), {
    about: "What brings power to it; of an ats the preferred first.",
    example: "cb-a-01",
  }),
  [],
);

const rack: Schema<RackOptions> = v.strictObject({
  ...area,
  room: inRoom,
  row: inRow,
  units: v.optional(option(whole(1, 100), { about: "Its height in rack units.", example: 42 })),
  inlets: v.optional(
    option(inletList, {
      about:
        "What measures the air that enters: a device's id, or device, measurement, channel and " +
        "field. Left out: of devices in the rack what is named inlet, intake or front.",
      example: "probe-r01",
    }),
    [],
  ),
  fedBy,
});

const share: Schema<number> = v.pipe(
  v.number("must be a number"),
  v.minValue(0.1, "must be at least 0.1"),
  v.maxValue(1, "must be at most 1"),
);

const equipment: Schema<EquipmentOptions> = v.strictObject({
  kind: option(v.picklist(equipmentKinds), { about: "What it is.", example: "breaker" }),
  ...metered,
  feed: v.optional(
    option(text, { about: "The feed that begins here: all behind it is on it.", example: "A" }),
  ),
  fedBy,
  feeds: v.optional(
    option(names(placeText), {
      about:
        "What it brings power to: the same as their fedBy. A pdu feeds the rack it stands in, " +
        "unless that names others.",
    }),
    [],
  ),
  phases: v.optional(
    option(
      v.pipe(
        names(v.picklist(phaseNames)),
        v.minLength(1, "name at least one phase"),
        v.check((value) => new Set(value).size === value.length, "names a phase twice"),
      ),
      { about: "Its phases; those of what feeds it when left out.", example: "L1" },
    ),
  ),
  voltage: v.optional(
    option(volts, { about: "Rated voltage, line to neutral, at its output.", example: "230V" }),
  ),
  power: v.optional(
    option(watts, { about: "Rated active power; of a load its nameplate.", example: "7.4kW" }),
  ),
  apparent: v.optional(option(voltAmperes, { about: "Rated apparent power.", example: "200kVA" })),
  current: v.optional(option(amperes, { about: "Rated current of a phase.", example: "32A" })),
  cable: v.optional(
    option(amperes, { about: "Of a breaker: what the cable behind it carries.", example: "40A" }),
  ),
  derate: v.optional(
    option(share, {
      about: "Share of its rated current for lasting load; the site's of a breaker.",
    }),
  ),
  room: inRoom,
  row: inRow,
  rack: v.optional(option(placeText, { about: "The rack it stands in.", example: "r01" })),
  units: v.optional(option(whole(1, 100), { about: "Height in rack units.", example: 4 })),
  redundancy: v.optional(redundancy),
});

const form = v.strictObject({
  redundancy: v.optional(redundancy, "N"),
  voltage: v.optional(
    option(volts, { about: "Voltage of the site, line to neutral.", example: "120V" }),
    "230V",
  ),
  derate: v.optional(
    option(share, {
      about: "Share of a breaker's rated current that a lasting load may take (NEC: 0.8).",
    }),
    0.8,
  ),
  ashrae: v.optional(ashrae, "A1"),
  accelerator,
  water: v.optional(
    option(v.pipe(names(levelName), v.maxLength(maxNames)), {
      about: "Water meters whose sum is the water that the site uses (WUE).",
      example: "water-main",
    }),
    [],
  ),
  feeds: v.optional(
    option(v.pipe(v.array(text), v.maxLength(maxFeeds)), {
      about: "Names of the feeds: ways of power that fail apart from each other.",
    }),
    [],
  ),
  rooms: v.optional(option(v.record(placeText, v.strictObject(area)), { about: "Rooms." }), {}),
  rows: v.optional(
    option(v.record(placeText, v.strictObject({ ...area, room: inRoom })), {
      about: "Rows of racks.",
    }),
    {},
  ),
  racks: v.optional(
    option(v.record(placeText, rack), { about: "Racks, by the name that devices' `rack` says." }),
    {},
  ),
  equipment: v.optional(
    option(v.record(levelName, equipment), { about: "All that power goes through, and loads." }),
    {},
  ),
});

/** @see docs/topology.md */
export const topologyOptions: Schema<TopologyOptions> = v.pipe(
  form,
  v.check(
    ({ rooms, rows, racks, equipment }) =>
      [rooms, rows, racks, equipment].reduce((sum, of) => sum + Object.keys(of).length, 0) <=
      maxElements,
    `a site has at most ${maxElements} places and pieces of equipment`,
  ),
  v.check(
    ({ equipment }) =>
      Object.values(equipment).filter(({ kind }) => kind === "ups").length <= maxUps,
    `a site has at most ${maxUps} ups`,
  ),
);
