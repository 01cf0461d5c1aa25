/**
 * Holds data against a schema and turns each issue into a complaint with its place in the file
 * and, for an unknown key, the nearest key that exists.
 */
import { distance } from "fastest-levenshtein";
import type { Schema } from "./options.ts";
import { v } from "./options.ts";
import { isRecord } from "../telemetry/index.ts";
import type { Complaint, Path, YamlFile } from "./document.ts";
import { ComplaintsError } from "./document.ts";
import { entriesAt } from "./walk.ts";

/**
 * The validated value of a file's content.
 * @throws E_CONFIG (ComplaintsError) naming every mistake
 */
export function validate<Out>(schema: Schema<Out>, file: YamlFile, data: unknown = file.data): Out {
  const result = v.safeParse(schema, data);
  if (result.success) return result.output;
  throw new ComplaintsError(
    result.issues.flatMap((issue) => complaintsOf({ schema, file, data }, issue)),
  );
}

interface Checked {
  readonly schema: Schema;
  readonly file: YamlFile;
  readonly data: unknown;
}

function complaintsOf(
  checked: Checked,
  issue: v.BaseIssue<unknown>,
  above: Path = [],
): Complaint[] {
  const path = [...above, ...pathOf(issue)];
  const last = issue.path?.at(-1);
  // In a union what lies deeper is the nearer miss: the branch for objects was meant.
  const deeper = issue.issues?.filter((inner) => inner.path !== undefined) ?? [];
  if (deeper.length > 0) return deeper.flatMap((inner) => complaintsOf(checked, inner, path));
  if (issue.type === "strict_object" && issue.expected === "never") {
    return unknownKeys(checked, path.slice(0, -1), last?.input);
  }
  return [checked.file.complain(path, plainProblem(issue), last?.origin === "key")];
}

/** valibot names the first unknown key of an object; a person wants all of them. */
function unknownKeys({ schema, file, data }: Checked, at: Path, input: unknown): Complaint[] {
  if (!isRecord(input) || Array.isArray(input)) return [file.complain(at, mapping)];
  const keys = Object.keys(entriesAt(schema, at, data) ?? {});
  return Object.keys(input)
    .filter((key) => !keys.includes(key))
    .map((key) => {
      const near = nearest(key, keys);
      const hint = near === undefined ? `known: ${keys.join(", ")}` : `did you mean "${near}"?`;
      return file.complain([...at, key], `unknown key; ${hint}`, true);
    });
}

function pathOf(issue: v.BaseIssue<unknown>): Path {
  return (issue.path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
}

const mapping = "must hold keys and values";

/** What a person reads where a schema has no sentence of its own for a wrong type. */
const byType: Readonly<Record<string, string>> = {
  strict_object: mapping,
  object: mapping,
  record: mapping,
  variant: mapping,
  array: "must be a list",
  string: "must be a text; put quotes around it",
  number: "must be a number",
  boolean: "must be true or false",
};

const boundOf: Readonly<Record<string, string>> = {
  min_length: "must have at least",
  max_length: "must have at most",
  min_value: "must be at least",
  max_value: "must be at most",
};

/** Never the value itself: it may be a secret in the wrong place. */
function plainProblem(issue: v.BaseIssue<unknown>): string {
  const isOwn = !/^Invalid \w+: /.test(issue.message);
  const choices = [...(issue.expected ?? "").matchAll(/"([^"]*)"/g)].map(
    ([, choice = ""]) => choice,
  );
  const isChoice = ["picklist", "variant", "literal"].includes(issue.type) && choices.length > 0;
  if (issue.received === "undefined") {
    return isChoice ? `is missing; one of ${choices.join(", ")}` : "is missing";
  }
  if (issue.received === "null") return "is empty; give it a value or leave it out";
  if (isOwn) return issue.message;
  if (isChoice) {
    const near = nearest(String(issue.input), choices);
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    return `must be one of ${choices.join(", ")}${hint}`;
  }
  const bound = boundOf[issue.type];
  if (bound !== undefined) return `${bound} ${(issue.expected ?? "").replace(/^[<>]=/, "")}`;
  return byType[issue.type] ?? issue.message;
}

/** The candidate closest in spelling, when it is close enough to be meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const steps = distance(word, candidate);
    if (steps < bestDistance) {
      best = candidate;
      bestDistance = steps;
    }
  }
  return best;
}
