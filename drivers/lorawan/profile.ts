/**
 * The LoRaWAN part of a profile file: how a product packs its values into an uplink. A field is
 * made of bytes of the payload, or of what the network server's own codec made of it; of several
 * forms the first that gives a value counts.
 */
import type { Profile, ProfileParts, Schema } from "../../config/index.ts";
import { option, v, whole } from "../../config/index.ts";

export const valueTypes = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint24",
  "int24",
  "uint32",
  "int32",
  "float32",
] as const;
export type ValueType = (typeof valueTypes)[number];

const order = v.picklist(["little", "big"]);

/** Channel and type of a record as four hexadecimal digits; `xx` stands for any channel. */
const recordKey = v.pipe(v.string(), v.regex(/^([0-9a-f]{2}|xx)[0-9a-f]{2}$/));

const headerForm = v.strictObject({
  form: v.optional(
    option(v.picklist(["fixed", "records", "cayenne"]), {
      about:
        "fixed: values stand at offsets; records: channel, type, data, as Milesight; cayenne: LPP.",
    }),
    "fixed",
  ),
  order: v.optional(option(order, { about: "Byte order of values that say none." }), "big"),
  ports: v.optional(
    option(v.array(whole(1, 223)), { about: "FPorts with measurements; any when left out." }),
  ),
  records: v.optional(
    option(v.record(recordKey, whole(0, 242)), {
      about: "Length of the data of each record there is, by channel and type.",
    }),
    {},
  ),
});

const states = v.record(v.string(), v.number());

const nonZero = v.pipe(
  v.number(),
  v.check((scale) => scale !== 0, "must not be 0"),
);

const condition = v.strictObject({
  at: v.optional(whole(0, 241)),
  mask: v.optional(whole(1, 0xff), 0xff),
  equals: v.optional(v.array(whole(0, 0xff))),
  lengths: v.optional(v.array(whole(1, 242))),
});

const bytesForm = v.strictObject({
  record: v.optional(recordKey),
  at: v.optional(whole(0, 241), 0),
  type: v.picklist(valueTypes),
  order: v.optional(order),
  bits: v.optional(v.strictObject({ from: whole(0, 31), count: whole(1, 32) })),
  scale: v.optional(nonZero, 1),
  offset: v.optional(v.number(), 0),
  none: v.optional(v.array(v.number()), []),
  states: v.optional(states),
  when: v.optional(v.array(condition), []),
});

const decodedForm = v.strictObject({
  path: v.pipe(v.string(), v.regex(/^[^.[\]]+(\.[^.[\]]+|\[\d{1,3}\])*$/, "write a.b[0].c")),
  scale: v.optional(nonZero, 1),
  offset: v.optional(v.number(), 0),
  states: v.optional(states),
});

const oneForm = v.union([bytesForm, decodedForm], "needs `type` (bytes) or `path` (decoded)");

const fieldForm = v.union(
  [
    v.pipe(v.array(oneForm), v.minLength(1, "nothing to read")),
    v.pipe(
      oneForm,
      v.transform((form) => [form]),
    ),
  ],
  "needs `type` (bytes) or `path` (decoded), or a list of such",
);

export type BytesForm = v.InferOutput<typeof bytesForm>;
export type DecodedForm = v.InferOutput<typeof decodedForm>;
export type FieldForm = BytesForm | DecodedForm;
export type LorawanHeader = v.InferOutput<typeof headerForm>;
export type LorawanProfile = Profile<LorawanHeader, readonly FieldForm[]>;

const header: Schema<LorawanHeader> = v.optional(headerForm, {});
const field: Schema<readonly FieldForm[]> = fieldForm;

/** What this driver adds to the common form of a profile. */
export const lorawanProfile: ProfileParts<LorawanHeader, readonly FieldForm[]> = { header, field };

export function isDecoded(form: FieldForm): form is DecodedForm {
  return "path" in form;
}
