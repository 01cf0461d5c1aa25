/**
 * A device profile: one YAML file that says who a product is and how to read it. What is common
 * to all drivers is here; the driver adds its header (under its own name) and the form of a field.
 */
import {
  fieldFacts,
  isRecord,
  measurementEntry,
  measurements,
  unitOf,
} from "../telemetry/index.ts";
import type { Schema } from "./options.ts";
import { interval, levelName, option, pathTo, text, v, whole } from "./options.ts";
import { nearest } from "./validate.ts";

/** What a driver adds to the common form. */
export interface ProfileParts<Header, Field, Target = unknown> {
  readonly header: Schema<Header>;
  readonly field: Schema<Field>;
  /** Where a setting is written; left out: the driver only reads. */
  readonly target?: Schema<Target>;
  /** Its rows are made of documents: they have `from`, `each` and `optional`. */
  readonly documents?: boolean;
  /** What only shows once header and fields are put together. */
  readonly problems?:
    | ((profile: Profile<Header, Field, Target>) => Iterable<ProfileProblem>)
    | undefined;
}

/** A mistake of a profile at its place. */
export interface ProfileProblem {
  /** Keys from the top down to what is wrong: `points`, `0`, `fields`, `voltage_v`. */
  readonly at: Keys;
  readonly message: string;
}

/** Something that may be set on a device; its name ends in its unit, as a field's does. */
export interface ProfileSetting<Target> {
  readonly about: string;
  /** Lowest and highest value, in the unit of its name. */
  readonly range: readonly [number, number];
  readonly repeat?: Repeat | undefined;
  readonly to: Target;
}

/** A row that repeats along a device: outlet 1..24, each `stride` registers on. */
export interface Repeat {
  readonly count: number;
  readonly stride: number;
  /** Number of the first one. */
  readonly from: number;
}

export interface ProfilePoint<Field> {
  readonly measurement: string;
  /** The channel; `{n}` stands for the number of a repeated row. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Read this seldom at most. @unit ms */
  readonly every?: number | undefined;
  readonly repeat?: Repeat | undefined;
  /** The document it is made of, where there are several. */
  readonly from?: string | undefined;
  /** Path to the elements of a document, each of which gives a row. */
  readonly each?: string | undefined;
  /** A row that a device may not have. */
  readonly optional?: boolean | undefined;
  readonly fields: Readonly<Record<string, Field>>;
}

export interface Profile<Header = unknown, Field = unknown, Target = unknown> {
  readonly id: string;
  readonly vendor: string;
  readonly model: string;
  readonly class: string;
  readonly driver: string;
  readonly sources: readonly string[];
  readonly confidence: "high" | "medium" | "low";
  readonly caveats: readonly string[];
  readonly interval?: number | undefined;
  readonly header: Header;
  readonly points: readonly ProfilePoint<Field>[];
  /** By name. */
  readonly settings: Readonly<Record<string, ProfileSetting<Target>>>;
}

/** Classes that devices belong to: the sixth level of their topics. */
export const deviceClasses = [
  "power",
  "cooling",
  "thermal",
  "accelerator",
  "environment",
  "parking",
  "traffic",
  "light",
  "water",
  "terminal",
  "server",
  "io",
  "agent",
  "hub",
] as const;

const repeat = v.strictObject({
  count: option(whole(1, 128), { about: "How many there are." }),
  stride: option(whole(1, 10_000), {
    about: "Distance from one to the next, in the driver's address units.",
  }),
  from: v.optional(option(whole(0, 10_000), { about: "Number of the first one." }), 1),
});

const ofDocuments = {
  from: v.optional(option(text, { about: "The document it is made of, where there are several." })),
  each: v.optional(
    option(text, { about: "Path to the elements that give a row each.", example: "$.sensors[*]" }),
  ),
  optional: v.optional(option(v.boolean(), { about: "The device may not have it." })),
};

/** The form of a row. @param documents whether it is made of documents */
export function pointSchema<Field>(
  field: Schema<Field>,
  documents = false,
): Schema<ProfilePoint<Field>> {
  const what = {
    measurement: option(v.string(), { about: "One of the register.", example: "thermal" }),
    tags: v.optional(
      option(v.record(v.string(), text), { about: "The one channel tag of the measurement." }),
    ),
  };
  const fields = option(v.pipe(v.record(v.string(), field), v.minEntries(1, "nothing to read")), {
    about: "Fields of the register by name, and where each is read.",
  });
  const asked = { every: v.optional(interval), repeat: v.optional(repeat) };
  const form: Schema<ProfilePoint<Field>> = documents
    ? v.strictObject({ ...what, ...ofDocuments, fields })
    : v.strictObject({ ...what, ...asked, fields });
  return v.pipe(
    form,
    v.rawCheck(({ dataset, addIssue }) => {
      // Also of a point with other mistakes: who writes a profile wants to see all of them.
      const value: unknown = dataset.value;
      if (!isRecord(value)) return;
      for (const { message, at } of registerProblems(value)) {
        addIssue({ message, path: pathTo(value, at, "key") });
      }
    }),
  );
}

type Keys = readonly [string, ...string[]];

/** The keys lead from the point down. */
function* registerProblems(point: Readonly<Record<string, unknown>>): Generator<ProfileProblem> {
  const { measurement } = point;
  if (typeof measurement !== "string") return;
  const [tags, fields] = [point["tags"], point["fields"]].map((it) => (isRecord(it) ? it : {}));
  const entry = measurementEntry(measurement);
  if (entry === undefined) {
    const hint = hintOf(measurement, Object.keys(measurements));
    yield { message: `not in the register${hint}`, at: ["measurement"] };
    return;
  }
  for (const tag of Object.keys(tags ?? {})) {
    const hint = entry.channel === undefined ? "" : `; its tag is ${entry.channel}`;
    if (tag !== entry.channel)
      yield { message: `no tag of ${measurement}${hint}`, at: ["tags", tag] };
  }
  for (const field of Object.keys(fields ?? {})) {
    if (fieldFacts(measurement, field) !== undefined) continue;
    const hint = hintOf(field, Object.keys(entry.fields));
    const message = `no field of ${measurement}${hint || " (fields of your own start with x_)"}`;
    yield { message, at: ["fields", field] };
  }
  if (point["repeat"] !== undefined && !Object.values(tags ?? {}).some(hasNumber)) {
    yield { message: "a repeated row needs a tag with {n}", at: ["repeat"] };
  }
}

function hintOf(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

function hasNumber(value: unknown): boolean {
  return String(value).includes("{n}");
}

function settingSchema<Target>(target: Schema<Target>): Schema<ProfileSetting<Target>> {
  return v.pipe(
    v.strictObject({
      about: text,
      range: v.tuple([v.number(), v.number()]),
      repeat: v.optional(repeat),
      to: target,
    }),
    v.check(({ range: [low, high] }) => low < high, "range: the lowest value stands first"),
  );
}

const settingName = v.pipe(
  v.string(),
  v.regex(/^[a-z](?:[a-z0-9_]|\{n\}){0,60}$/, "must be a name of a-z, 0-9 and _, {n} if repeated"),
  v.check((name) => unitOf(name) !== undefined, "must end in a unit, as in dim_pct or out1_state"),
);

/** The whole form of a profile file of one driver. */
export function profileSchema<Header, Field, Target>(
  driver: string,
  parts: ProfileParts<Header, Field, Target>,
): Schema<Profile<Header, Field, Target>> {
  const target: Schema<Target> = parts.target ?? v.never("this driver only reads");
  return v.pipe(
    v.strictObject({
      id: levelName,
      vendor: text,
      model: text,
      class: v.picklist(deviceClasses),
      driver: v.literal(driver),
      sources: v.pipe(v.array(text), v.minLength(1, "a profile cites its source")),
      confidence: v.picklist(["high", "medium", "low"]),
      caveats: v.optional(v.array(text), []),
      interval: v.optional(interval),
      header: parts.header,
      points: v.pipe(
        v.array(pointSchema(parts.field, parts.documents)),
        v.minLength(1, "nothing to read"),
      ),
      settings: v.optional(v.record(settingName, settingSchema(target)), {}),
    }),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const { message, at } of parts.problems?.(dataset.value) ?? []) {
        addIssue({ message, path: pathTo(dataset.value, at, "key") });
      }
    }),
  );
}

/** One setting, with its number along a device that has many. */
export interface NumberedSetting<Target> {
  readonly name: string;
  readonly about: string;
  readonly range: readonly [number, number];
  readonly to: Target;
  /** How far from the place that the profile names, in the driver's address units. */
  readonly shift: number;
}

/** The settings of a profile, repeated ones written out. */
export function settingsOf<Target>({
  settings,
}: Pick<Profile<unknown, unknown, Target>, "settings">): NumberedSetting<Target>[] {
  return Object.entries(settings).flatMap(([template, { about, range, to, repeat }]) => {
    const { count, stride, from } = repeat ?? { count: 1, stride: 0, from: 1 };
    return Array.from({ length: count }, (_, index) => {
      const numbered = (text: string): string => text.replaceAll("{n}", String(from + index));
      const shift = index * stride;
      return { name: numbered(template), about: numbered(about), range, to, shift };
    });
  });
}
