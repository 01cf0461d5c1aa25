/**
 * The part of a profile that says how an exporter's series become fields. A field is a series, or
 * what is made of several; of several forms the first that gives a value counts, so that a metric
 * may be renamed between versions. The tag of a row is made of labels: `{gpu}`, `{gpu}/{link}`.
 *
 *   value = (metric + plus − less) / over * scale + offset
 */
import type { Profile, ProfileParts, Schema } from "../../config/index.ts";
import { option, v } from "../../config/index.ts";
import type { NumberForm } from "../polled.ts";
import { numberForm } from "../polled.ts";
import type { Where } from "./conditions.ts";
import { labelName, where } from "./conditions.ts";

/** How several series of one channel become one value. */
export const takes = ["first", "sum", "max", "min", "mean", "count"] as const;
export type Take = (typeof takes)[number];

/** One metric of a form. */
export interface Term {
  readonly metric: string;
  readonly where?: Where | undefined;
  readonly take: Take;
}

export interface FieldForm extends NumberForm, Term {
  readonly plus: readonly Term[];
  readonly less: readonly Term[];
  readonly over?: number | Term | undefined;
  /** The code or text is the value of this label, of the series that is not 0. */
  readonly label?: string | undefined;
  /** What it grew by in a second, since the reading before. */
  readonly rate?: boolean | undefined;
  readonly required?: boolean | undefined;
}

const metricName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_:][A-Za-z0-9_:]{0,255}$/, "must be the name of a metric"),
);

/** `{gpu}`: labels in braces. */
export const template = v.pipe(
  v.string(),
  v.regex(/^[^{}]*(\{[A-Za-z_][A-Za-z0-9_]*\}[^{}]*)*$/, "write labels in braces: {gpu}"),
  v.minLength(1),
  v.maxLength(200),
);

const take = v.optional(v.picklist(takes), "first");
const longTerm = v.strictObject({ metric: metricName, where: v.optional(where), take });
const term: Schema<Term> = v.union(
  [
    longTerm,
    v.pipe(
      metricName,
      v.transform((metric) => ({ metric, take: "first" as const })),
    ),
  ],
  "write the name of a metric, or { metric, where, take }",
);
const terms: Schema<readonly Term[]> = v.union([
  v.array(term),
  v.pipe(
    term,
    v.transform((one) => [one]),
  ),
]);

const nonZero = v.pipe(
  v.number(),
  v.check((value) => value !== 0, "must not be 0"),
);

const longForm = v.strictObject({
  metric: option(metricName, { about: "Name of the sample, as a line begins." }),
  where: v.optional(option(where, { about: "Labels and the values they may have." })),
  take: option(take, { about: "What becomes of several series of one channel." }),
  plus: v.optional(option(terms, { about: "Metrics that are added." }), []),
  less: v.optional(option(terms, { about: "Metrics that are taken away." }), []),
  over: v.optional(option(v.union([nonZero, term]), { about: "Number or metric to divide by." })),
  label: v.optional(option(labelName, { about: "The label that says it." })),
  rate: v.optional(option(v.boolean(), { about: "Growth in a second instead of the value." })),
  required: v.optional(option(v.boolean(), { about: "A page without it is a fault." })),
  ...numberForm,
});

const shortForm = v.pipe(
  metricName,
  v.transform((metric) => ({ metric, take: "first" as const, plus: [], less: [] })),
);
const oneForm: Schema<FieldForm> = v.union(
  [longForm, shortForm],
  "write the name of a metric, or { metric, … }",
);

const field: Schema<readonly FieldForm[]> = v.union(
  [
    v.pipe(v.array(oneForm), v.minLength(1, "nothing to read")),
    v.pipe(
      oneForm,
      v.transform((one) => [one]),
    ),
  ],
  "write the name of a metric, { metric, … }, or a list of such",
);

const headerForm = v.strictObject({
  path: v.optional(
    option(v.pipe(v.string(), v.regex(/^\/[^?#\s]*$/, "write /metrics")), {
      about: "Path of the page, when the device's url has none.",
    }),
    "/metrics",
  ),
  where: v.optional(
    option(v.record(v.string(), where), {
      about: "Labels that all series of a measurement have, by measurement.",
    }),
    {},
  ),
  blank: v.optional(
    option(v.number(), { about: "Values of at least this size, either sign, mean no value." }),
  ),
  steady: v.optional(
    option(v.array(v.string()), {
      about: "Measurements whose channels stay: one that is gone is a fault.",
    }),
    [],
  ),
});

export type PrometheusHeader = v.InferOutput<typeof headerForm>;
export type PrometheusProfile = Profile<PrometheusHeader, readonly FieldForm[]>;

const header: Schema<PrometheusHeader> = v.optional(headerForm, {});

export const prometheusProfile: ProfileParts<PrometheusHeader, readonly FieldForm[]> = {
  header,
  field,
};
