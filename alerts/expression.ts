/**
 * Expressions of rules: CEL, the Common Expression Language (github.com/google/cel-spec), over the
 * numeric fields of one row. The only door to its library. All fields are doubles; whole numbers
 * may be written without a point (`load_pct / 2`), and `abs`, `least` and `greatest` are added.
 * Limits: 500 terms, 50 levels; nothing loops.
 */
import { Environment } from "@marcbachmann/cel-js";
import { nearest } from "../config/index.ts";
import { fieldFacts, isRecord, measurementEntry, messageOf } from "../telemetry/index.ts";

export interface Expression {
  /** The fields that it names, in the order in which `valueOf` wants their values. */
  readonly fields: readonly string[];
  /** `truth`: its value is 1 where it holds, else 0. */
  readonly gives: "number" | "truth";
  /** NaN where there is none, such as x / 0 or a value that is not finite. */
  readonly valueOf: (values: readonly number[]) => number;
}

const limits = { maxAstNodes: 500, maxDepth: 50 };

/** Reads an expression over rows of a measurement. */
export function expressionOf(
  text: string,
  measurement: string,
): { readonly ok: Expression } | { readonly problem: string } {
  try {
    const fields = namesIn(new Environment({ limits }).parse(text).ast);
    const unknown = fields.find((field) => !isNumeric(measurement, field));
    if (unknown !== undefined) return { problem: unknownField(measurement, unknown) };
    if (fields.length === 0) return { problem: "names no field" };
    const program = environmentOf(fields).parse(text);
    const { valid, type, error } = program.check();
    if (!valid) return { problem: firstLine(error) };
    if (type !== "double" && type !== "int" && type !== "bool") {
      return { problem: `gives a ${type}; it has to give a number, or true and false` };
    }
    const valueOf = (values: readonly number[]): number => valueIn(program, { fields, values });
    return { ok: { fields, gives: type === "bool" ? "truth" : "number", valueOf } };
  } catch (error) {
    return { problem: firstLine(error) };
  }
}

function environmentOf(fields: readonly string[]): Environment {
  const environment = new Environment({ limits, unlistedVariablesAreDyn: false });
  for (const field of fields) environment.registerVariable(field, "double");
  for (const [sign, of] of Object.entries(mixed)) {
    const [left, right] = [`double ${sign} int: double`, `int ${sign} double: double`];
    environment.registerOperator(left, (a: number, b: bigint) => of(a, Number(b)));
    environment.registerOperator(right, (a: bigint, b: number) => of(Number(a), b));
  }
  environment.registerOperator("double == int", (a: number, b: bigint) => a === Number(b));
  environment.registerFunction("abs(double): double", Math.abs);
  environment.registerFunction("least(double, double): double", Math.min);
  environment.registerFunction("greatest(double, double): double", Math.max);
  return environment;
}

/** CEL orders whole numbers and doubles, but does not reckon with both. */
const mixed: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
};

interface Given {
  readonly fields: readonly string[];
  readonly values: readonly number[];
}

function valueIn(program: (row: object) => unknown, { fields, values }: Given): number {
  const row: Record<string, number> = {};
  for (const [i, field] of fields.entries()) {
    const value = values[i];
    if (value === undefined || Number.isNaN(value)) return Number.NaN;
    row[field] = value;
  }
  try {
    const value = Number(program(row));
    return Number.isFinite(value) ? value : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

/** All names in a syntax tree, each once, in the order of their coming. */
function namesIn(ast: unknown): string[] {
  const names = new Set<string>();
  const look = (node: unknown): void => {
    if (Array.isArray(node)) for (const one of node) look(one);
    if (!isRecord(node) || !("op" in node)) return;
    if (node["op"] === "id") names.add(String(node["args"]));
    else look(node["args"]);
  };
  look(ast);
  return [...names];
}

function isNumeric(measurement: string, field: string): boolean {
  const facts = fieldFacts(measurement, field);
  return facts !== undefined && facts.type !== "text";
}

function unknownField(measurement: string, name: string): string {
  const entry = measurementEntry(measurement);
  const known = Object.keys(entry?.fields ?? {}).filter((field) => isNumeric(measurement, field));
  const near = nearest(name, known);
  const hint = near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`;
  return `${measurement} has no number ${name}; ${hint}`;
}

/** The library draws the expression below its message. */
function firstLine(error: unknown): string {
  return messageOf(error).split("\n")[0] ?? "";
}
