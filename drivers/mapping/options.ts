/**
 * How rows of a mapping stand in a profile or in a device's own options: the same form in both, so
 * that what was tried in a configuration moves into a profile as it is.
 */
import type { ProfileParts, ProfilePoint, Schema } from "../../config/index.ts";
import { duration, option, pointSchema, text, v } from "../../config/index.ts";
import { isRecord } from "../../telemetry/index.ts";
import { pathProblem } from "./path.ts";

/** JSONPath of RFC 9535. */
export const path = v.pipe(
  text,
  v.check(
    (given) => pathProblem(given) === undefined,
    ({ input }) => pathProblem(input) ?? "",
  ),
);

/** What documents, requests and levels of topics are called. */
export const sourceName = v.pipe(
  v.string(),
  v.regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,31}$/, "use 1 to 32 letters, digits, _ and -"),
);

const nonZero = v.pipe(
  v.number(),
  v.check((scale) => scale !== 0, "must not be 0"),
);

const scalar = v.union([v.string(), v.number(), v.boolean()]);

const longField = v.strictObject({
  path: option(path, { about: "Where the value stands; JSONPath.", example: "$.apower" }),
  from: v.optional(option(sourceName, { about: "The document, where it is not the row's." })),
  scale: v.optional(option(nonZero, { about: "value = raw * scale + offset." }), 1),
  offset: v.optional(option(v.number(), { about: "Added after scaling." }), 0),
  type: v.optional(
    option(v.picklist(["number", "numeric", "text"]), {
      about: "numeric: a number, or a text that holds one; text: a field of text.",
    }),
    "number",
  ),
  none: v.optional(
    option(v.array(scalar), { about: "What means that there is no value, beside null." }),
    [],
  ),
  states: v.optional(
    option(v.record(v.string(), v.number()), {
      about: "Text, number or true and false to the state's number; no other is taken.",
    }),
  ),
  wraps: v.optional(
    option(v.picklist([16, 32, 64]), {
      about: "Bits of a raw count that begins again at 0; it is made continuous.",
    }),
  ),
  resets: v.optional(
    option(v.boolean(), {
      about: "A total that a restart sets back to 0; it is made continuous.",
    }),
    false,
  ),
  optional: v.optional(
    option(v.boolean(), { about: "It may be missing, without a fault." }),
    false,
  ),
});

const form = v.pipe(
  v.union(
    [
      longField,
      v.pipe(
        path,
        v.transform((given) => v.parse(longField, { path: given })),
      ),
    ],
    ({ input }) => whyNoField(input),
  ),
  v.check(({ wraps, resets }) => wraps === undefined || !resets, "either wraps or resets"),
);

/** What is wrong with the path, most likely; unions only say that no branch fits. */
function whyNoField(input: unknown): string {
  const given: unknown = isRecord(input) ? input["path"] : input;
  const problem = typeof given === "string" ? pathProblem(given) : undefined;
  return problem ?? "needs a path: $.a.b, or { path: $.a.b, scale: 10 }";
}

export type FieldForm = v.InferOutput<typeof longField>;
export const fieldForm: Schema<FieldForm> = form;

/** One row to store, as `points` of a profile. */
export type MappingRow = ProfilePoint<FieldForm>;

/** Most rows of a device. */
const maxRows = 200;

export const rows = v.optional(
  option(v.pipe(v.array(pointSchema(fieldForm, true)), v.maxLength(maxRows)), {
    about: "What to store of the documents: measurement, tags, fields with their paths.",
  }),
);

export const timeForm = v.strictObject({
  path: option(path, { about: "Where the time of measurement stands.", example: "$.unixtime" }),
  from: v.optional(option(sourceName, { about: "The document, where there are several." })),
  format: option(v.picklist(["seconds", "milliseconds", "rfc3339"]), {
    about: "Since 1970-01-01 UTC, or a text with its offset.",
    example: "seconds",
  }),
  stale: v.optional(
    option(duration, { about: "Values that are older get the quality 3, stale.", example: "10m" }),
  ),
});

export type TimeForm = v.InferOutput<typeof timeForm>;

export const time = v.optional(
  option(timeForm, { about: "When the device measured, where a document says so." }),
);

/** The part of a profile that all mapping drivers share. */
export function mappingProfile<Header>(header: Schema<Header>): ProfileParts<Header, FieldForm> {
  return { header, field: fieldForm, documents: true };
}
