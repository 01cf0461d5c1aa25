/**
 * What a context broker takes as an entity: ETSI GS CIM 009 V1.8.1, clauses 4.5 (the normalized
 * representation), 4.6.2 (names) and 4.6.3 (dates). Strict: a key that is not there is an error.
 */
import { v } from "../../../config/index.ts";

const urn = v.pipe(
  v.string(),
  v.regex(/^urn:ngsi-ld(:([A-Za-z0-9._-]|%[0-9A-F]{2})+){5,}$/),
  v.maxLength(1000),
);
const dateTime = v.pipe(v.string(), v.regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/));
const unitCode = v.pipe(v.string(), v.regex(/^[A-Z0-9]{2,3}$/));
const name = v.pipe(
  v.string(),
  v.regex(/^([A-Za-z]\w*|https:\/\/smartdatamodels\.org\/[\w./-]+)$/),
);

const text = v.strictObject({ type: v.literal("Property"), value: v.string() });

/** Of our own: the unit in words has the name of a model's attribute. */
const unitName = "https://smartdatamodels.org/dataModel.Device/unit";

const property = v.strictObject({
  type: v.literal("Property"),
  value: v.union([
    v.pipe(v.number(), v.finite()),
    v.pipe(v.string(), v.notValue("urn:ngsi-ld:null")),
    v.pipe(v.array(v.string()), v.minLength(1)),
    v.record(v.picklist(["L1", "L2", "L3"]), v.number()),
  ]),
  unitCode: v.optional(unitCode),
  unit: v.optional(text),
  [unitName]: v.optional(text),
  reason: v.optional(text),
  observedAt: v.optional(dateTime),
});

const geoProperty = v.strictObject({
  type: v.literal("GeoProperty"),
  value: v.strictObject({
    type: v.literal("Point"),
    coordinates: v.tuple([
      v.pipe(v.number(), v.minValue(-180), v.maxValue(180)),
      v.pipe(v.number(), v.minValue(-90), v.maxValue(90)),
    ]),
  }),
});

const relationship = v.strictObject({ type: v.literal("Relationship"), object: urn });

export const entitySchema = v.objectWithRest(
  { id: urn, type: name },
  v.variant("type", [property, geoProperty, relationship]),
);

/** What `entitySchema` says of the names of attributes. */
export const attributeName = name;
