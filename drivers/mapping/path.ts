/**
 * Paths into a document: JSONPath queries of RFC 9535, and the door to json-p3. A path begins with
 * `$`, the document, or in a row with `each` with `@`, the element: the two identifiers of
 * RFC 9535 2.3.5.
 */
import { JSONPathEnvironment } from "json-p3";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import type { Json } from "./json.ts";
import { deepest } from "./json.ts";

/** Longest path. @unit characters */
const longest = 256;

const environment = new JSONPathEnvironment({ maxRecursionDepth: deepest + 2 });

const quoted = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/g;

/** What a path is looked for in. */
export interface Around {
  readonly document: Json;
  /** The element of a row with `each`. */
  readonly element?: Json | undefined;
}

export interface JsonPath {
  readonly text: string;
  /** Whether it begins at an element. */
  readonly relative: boolean;
  /** The values it leads to, at most so many, in the order of the document. */
  find(around: Around, most: number): Json[];
}

/** @throws E_CONFIG for what is no JSONPath */
export function compilePath(text: string): JsonPath {
  const relative = text.startsWith("@");
  try {
    if (text.length > longest) throw new RangeError(`longer than ${longest} characters`);
    // It looks at all of a document: 0.4 s for 1 MiB, in which nothing else is done.
    if (text.replaceAll(quoted, "").includes("..")) {
      throw new RangeError("`..` is not taken; write the whole way");
    }
    const query = environment.compile(relative ? `$${text.slice(1)}` : text);
    return {
      text,
      relative,
      find({ document, element }, most) {
        const root = relative ? element : document;
        if (root === undefined) return [];
        const found: Json[] = [];
        for (const { value } of query.lazyQuery(root)) {
          if (found.push(value) >= most) break;
        }
        return found;
      },
    };
  } catch (cause) {
    const why = `"${text}" is no JSONPath: ${messageOf(cause)}`;
    throw new GatewayError("E_CONFIG", why, { cause });
  }
}

/** What is wrong with a path, or undefined. */
export function pathProblem(text: string): string | undefined {
  try {
    compilePath(text);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
