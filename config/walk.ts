/**
 * Walks a schema by path: which keys exist there, and what is said of them. Sees through
 * optional, pipe, record, array, variant and union (its branch with keys); a `*` or any name
 * passes through a record.
 */
import type { Schema } from "./options.ts";
import { v } from "./options.ts";
import { isRecord } from "../telemetry/index.ts";
import type { Path } from "./document.ts";

type Entries = Readonly<Record<string, Schema>>;

/** The schema at a path, or undefined. `data` decides between the branches of a variant. */
export function schemaAt(schema: Schema, path: Path, data?: unknown): Schema | undefined {
  const [step, ...rest] = path;
  const bare = unwrap(schema, data);
  if (step === undefined) return schema;
  const child = childSchema(bare, step);
  return child === undefined ? undefined : schemaAt(child, rest, childData(data, step));
}

/** The keys that an object at a path may have, or undefined when it is not an object. */
export function entriesAt(schema: Schema, path: Path, data?: unknown): Entries | undefined {
  const found = schemaAt(schema, path, data);
  if (found === undefined) return undefined;
  const at = path.reduce<unknown>((value, step) => childData(value, step), data);
  return entriesOf(unwrap(found, at));
}

/** The bare schema inside optional, pipe, variant and union wrappers. */
export function unwrap(schema: Schema, data?: unknown): unknown {
  let current: unknown = schema;
  for (let depth = 0; depth < 20; depth += 1) {
    if (!isRecord(current)) return current;
    if ("pipe" in current && Array.isArray(current["pipe"]) && current["pipe"][0] !== current) {
      current = current["pipe"][0];
    } else if ("wrapped" in current) {
      current = current["wrapped"];
    } else if (current["type"] === "variant" && Array.isArray(current["options"])) {
      current = branchOf(String(current["key"]), current["options"], data);
    } else if (current["type"] === "union" && Array.isArray(current["options"])) {
      const keyed = current["options"].find((branch) => entriesOf(branch) !== undefined);
      if (keyed === undefined) return current;
      current = keyed;
    } else {
      return current;
    }
  }
  return current;
}

function branchOf(key: string, branches: readonly unknown[], data: unknown): unknown {
  const wanted = isRecord(data) ? data[key] : undefined;
  const branch = branches.find((candidate) => literalOf(candidate, key) === wanted);
  return branch ?? { type: "strict_object", entries: mergedEntries(branches) };
}

function mergedEntries(branches: readonly unknown[]): Record<string, unknown> {
  return Object.assign(
    {},
    ...branches.map((branch) => (isRecord(branch) ? branch["entries"] : {})),
  );
}

function literalOf(branch: unknown, key: string): unknown {
  if (!isRecord(branch) || !isRecord(branch["entries"])) return undefined;
  const discriminator = branch["entries"][key];
  return isRecord(discriminator) ? discriminator["literal"] : undefined;
}

function childSchema(bare: unknown, step: string | number): Schema | undefined {
  if (!isRecord(bare)) return undefined;
  const entries = entriesOf(bare);
  if (entries !== undefined) return Object.hasOwn(entries, step) ? entries[step] : undefined;
  const inner = bare["type"] === "record" ? bare["value"] : bare["item"];
  return isSchema(inner) ? inner : undefined;
}

function entriesOf(bare: unknown): Entries | undefined {
  if (!isRecord(bare) || !isRecord(bare["entries"])) return undefined;
  const found: Record<string, Schema> = {};
  for (const [key, entry] of Object.entries(bare["entries"])) {
    if (isSchema(entry)) found[key] = entry;
  }
  return found;
}

function childData(data: unknown, step: string | number): unknown {
  return isRecord(data) && Object.hasOwn(data, step) ? data[step] : undefined;
}

function isSchema(value: unknown): value is Schema {
  return isRecord(value) && value["kind"] === "schema";
}

export interface OptionFacts {
  readonly about: string | undefined;
  readonly example: unknown;
  readonly fallback: unknown;
  readonly secret: boolean;
  /** Keys below it. */
  readonly keys: readonly string[];
}

/** What `explain` and the reference page say of one option. */
export function factsOf(schema: Schema): OptionFacts {
  const layers = layersOf(schema);
  const metadata: Record<string, unknown> = Object.assign(
    {},
    ...layers.filter((layer) => v.isOfKind("schema", layer)).map((layer) => v.getMetadata(layer)),
  );
  const fallback = layers.find((layer) => "default" in layer && layer["default"] !== undefined);
  return {
    about: layers
      .filter(isSchema)
      .map((layer) => v.getDescription(layer))
      .find(Boolean),
    example: metadata["example"],
    fallback: fallback === undefined ? undefined : Reflect.get(fallback, "default"),
    secret: metadata["secret"] === true,
    keys: Object.keys(entriesOf(unwrap(schema)) ?? {}),
  };
}

function layersOf(schema: Schema): (Schema & Record<string, unknown>)[] {
  const layers: (Schema & Record<string, unknown>)[] = [];
  let current: unknown = schema;
  while (isSchema(current) && isRecord(current) && layers.length < 20) {
    layers.push(current);
    const pipe = current["pipe"];
    const inner = current["wrapped"] ?? (Array.isArray(pipe) ? pipe[0] : undefined);
    if (inner === current) break;
    current = inner;
  }
  return layers;
}
