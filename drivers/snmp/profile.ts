/**
 * The SNMP part of a profile: a row is read once from objects with a name of their own, or once for
 * each row of a table, when its tag holds `{…}`; a field is an object or a column.
 */
import type { Profile, ProfileParts, ProfileProblem, Schema } from "../../config/index.ts";
import { option, v, whole } from "../../config/index.ts";
import type { NumberForm } from "../polled.ts";
import { numberForm } from "../polled.ts";
import { channelPattern } from "./channel.ts";
import { oidPattern } from "./oid.ts";

const oid = v.pipe(
  v.string("write an object identifier in quotes where it looks like a number"),
  v.regex(oidPattern, "must be an object identifier, as 1.3.6.1.2.1.1.3.0"),
);

const headerForm = v.strictObject({
  identify: v.optional(
    option(v.array(oid), {
      about: "Values of sysObjectID that such a product has, or what they begin with.",
      example: "1.3.6.1.4.1.318.1.3.4",
    }),
    [],
  ),
  notices: v.optional(
    option(v.record(oid, v.string()), {
      about: "What the traps are called that such a product sends.",
    }),
    {},
  ),
});

/** An object, ending in .0, or another column that belongs to a value by the same index. */
const condition = v.strictObject({
  at: option(oid, { about: "Where it stands." }),
  equals: option(v.union([v.number(), v.array(v.number())]), {
    about: "What must stand there, or the value does not count.",
  }),
});

const power = v.strictObject({
  at: option(oid, { about: "Where the exponent stands." }),
  exponents: v.optional(
    option(v.record(v.string(), v.number()), {
      about: "Exponents by code, where codes stand there and not the exponent itself.",
    }),
  ),
  times: v.optional(
    option(v.picklist([1, -1]), { about: "-1: it stands there with the other sign." }),
    1,
  ),
});

export interface SnmpForm extends NumberForm {
  readonly at: string;
  /** The end of the index, which tells kinds of values in one column apart. */
  readonly tail?: string | undefined;
  readonly when: readonly { readonly at: string; readonly equals: number | number[] }[];
  readonly powers: readonly v.InferOutput<typeof power>[];
  readonly wraps?: number | undefined;
  readonly optional: boolean;
}

const one: Schema<SnmpForm> = v.strictObject({
  at: option(oid, {
    about: "The object with its instance, or the column of a table.",
    example: "1.3.6.1.2.1.33.1.2.4.0",
  }),
  tail: v.optional(
    option(v.pipe(v.string(), v.regex(/^\d+(\.\d+)*$/)), {
      about: "How the index must end; what is before is the row.",
      example: "5",
    }),
  ),
  when: v.optional(
    option(v.array(condition), { about: "What must stand elsewhere, or the value is not it." }),
    [],
  ),
  powers: v.optional(
    option(v.array(power), {
      about: "Powers of ten from elsewhere that the value is to be taken.",
    }),
    [],
  ),
  wraps: v.optional(
    option(whole(8, 64), {
      about: "Bits after which the count begins again; counters of SNMP say it by their type.",
    }),
  ),
  optional: v.optional(
    option(v.boolean(), { about: "Some models do not have it, and that is no fault." }),
    false,
  ),
  ...numberForm,
});

const field: Schema<readonly SnmpForm[]> = v.union(
  [
    v.pipe(v.array(one), v.minLength(1, "nothing to read")),
    v.pipe(
      one,
      v.transform((form) => [form]),
    ),
  ],
  "needs `at`, or a list of forms with it, of which the first that gives a value counts",
);

export type SnmpHeader = v.InferOutput<typeof headerForm>;
export type SnmpField = readonly SnmpForm[];
export type SnmpProfile = Profile<SnmpHeader, SnmpField>;

const header: Schema<SnmpHeader> = v.optional(headerForm, {});

function* problems({ points }: SnmpProfile): Generator<ProfileProblem> {
  for (const [index, { tags, repeat }] of points.entries()) {
    if (repeat !== undefined) {
      const message = "rows of tables repeat by themselves; name them by {index} in the tag";
      yield { at: ["points", String(index), "repeat"], message };
    }
    for (const [tag, template] of Object.entries(tags ?? {})) {
      if (channelPattern.test(template)) continue;
      const message = "in braces stands index, index2 or the column of the name: {1.3.6.1…}";
      yield { at: ["points", String(index), "tags", tag], message };
    }
  }
}

/** What this driver adds to the common form of a profile. */
export const snmpProfile: ProfileParts<SnmpHeader, SnmpField> = { header, field, problems };
