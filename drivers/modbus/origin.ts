/**
 * Where the values of a Modbus device come from, as it is published in `meta`, and read again by
 * whoever explains a value without having the profile. The form holds what a profile's field says,
 * defaults left out:
 *
 *   at     `input 0x0034 ×2`              table, wire address from 0, registers (or bits)
 *   form   type, order, scale, offset, bits, states, none, scaleFrom (`holding 0x0010`), wraps
 */
import { v } from "../../config/index.ts";
import { fieldFacts } from "../../telemetry/index.ts";
import type { Source } from "../contract.ts";
import type { FieldForm } from "./field.ts";
import { markersOf } from "./field.ts";
import { extentOf, placeOf, spanOf, tables } from "./pdu.ts";
import type { Span } from "./pdu.ts";
import type { PlacedField, Row } from "./profile.ts";
import { bitsSchema, orderSchema, typeSchema } from "./profile.ts";

/** Every field of every row. */
export function sourcesOf(rows: readonly Row[]): Source[] {
  return rows.flatMap(({ measurement, channel, every, fields }) =>
    fields.map((field) => ({
      measurement,
      channel,
      field: field.name,
      at: extentOf(field.span),
      form: publishedForm(field),
      every,
    })),
  );
}

function publishedForm({ form, exponent, wraps }: PlacedField): Record<string, unknown> {
  const { type, order, scale, offset, bits, states, none } = form;
  return {
    ...(form.bit ? {} : { type, order }),
    ...(scale === 1 ? {} : { scale }),
    ...(offset === 0 ? {} : { offset }),
    ...(bits === undefined ? {} : { bits }),
    ...(states === undefined ? {} : { states: Object.fromEntries(states) }),
    ...(none.size === 0 ? {} : { none: [...none].map((bits) => `0x${bits.toString(16)}`) }),
    ...(exponent === undefined ? {} : { scaleFrom: placeOf(exponent) }),
    ...(wraps === undefined ? {} : { wraps }),
  };
}

/** A source understood again. */
export interface Register {
  readonly span: Span;
  readonly form: FieldForm;
  /** Where the power of ten stands. */
  readonly scaleFrom: string | undefined;
  /** Width of a counter that wraps. @unit bits */
  readonly wraps: number | undefined;
}

const publishedSchema = v.object({
  type: v.optional(typeSchema, "uint16"),
  order: v.optional(orderSchema, "ABCD"),
  scale: v.optional(v.number(), 1),
  offset: v.optional(v.number(), 0),
  bits: v.optional(bitsSchema),
  states: v.optional(v.record(v.string(), v.number())),
  none: v.optional(v.array(v.pipe(v.string(), v.regex(/^0x[0-9a-f]{1,16}$/))), []),
  scaleFrom: v.optional(v.string()),
  wraps: v.optional(v.number()),
});

/** The register of a source, or undefined when it is not one of ours. */
export function registerOf({
  measurement,
  field,
  at,
  form: given = {},
}: Source): Register | undefined {
  const span = spanOf(at);
  const parsed = v.safeParse(publishedSchema, given);
  if (span === undefined || !parsed.success) return undefined;
  const { type, order, scale, offset, bits, states, none, scaleFrom, wraps } = parsed.output;
  const form: FieldForm = {
    type,
    order,
    length: span.count,
    bit: tables[span.table].bits,
    bits,
    scale,
    offset,
    none: markersOf(none, type, order),
    states: states && new Map(Object.entries(states)),
    wanted: fieldFacts(measurement, field)?.type ?? "any",
  };
  return { span, form, scaleFrom, wraps };
}
