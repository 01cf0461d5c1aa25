/**
 * Names of NGSI-LD (ETSI GS CIM 009 clauses 4.6 and 5.2): entity ids are URNs of type and place,
 * types and attributes are IRIs, which a context makes short.
 */
import type { DeviceAddress } from "../points.ts";
import type { ModelName } from "./models.ts";
import { models } from "./models.ts";

const root = "https://smartdatamodels.org/";

/** Defined once for all models. */
const common: ReadonlySet<string> = new Set(["name", "source", "dateObserved"]);

/** In the core context, which every broker has, or without a model: the standard's own default. */
const core: ReadonlyMap<string, string> = new Map([
  ["location", "https://uri.etsi.org/ngsi-ld/location"],
  ["status", "https://uri.etsi.org/ngsi-ld/status"],
  ["description", "http://purl.org/dc/terms/description"],
  ["quality", "https://uri.etsi.org/ngsi-ld/default-context/quality"],
  ["reason", "https://uri.etsi.org/ngsi-ld/default-context/reason"],
]);

/** The IRI of an entity type. */
export function typeIri(model: ModelName): string {
  return `${root}${models[model].subject}/${model}`;
}

/** The IRI of an attribute of a model. */
export function attributeIri(model: ModelName, attribute: string): string {
  const known = core.get(attribute);
  if (known !== undefined) return known;
  return common.has(attribute)
    ? `${root}${attribute}`
    : `${root}${models[model].subject}/${attribute}`;
}

/** How an attribute is written where there is the core context alone. */
export function writtenName(model: ModelName, attribute: string): string {
  return core.has(attribute) ? attribute : attributeIri(model, attribute);
}

/** An entity of a device: `urn:ngsi-ld:<Type>:<region>:<org>:<site>:<device>[:…]`. */
export function entityId(
  model: ModelName,
  { region, org, site, device }: DeviceAddress,
  parts: readonly string[] = [],
): string {
  return ["urn:ngsi-ld", model, region, org, site, device, ...parts.map(escaped)].join(":");
}

/** Safe in a URN (RFC 8141 §2), another for each text. */
function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(/[!'()*~]/g, (sign) => {
    return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}
