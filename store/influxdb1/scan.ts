/** Rows back as lines, as InfluxQL: which columns there are, then a page of them. */
import type { FieldValue, Line } from "../../telemetry/index.ts";
import type { AskedSpan } from "../asked.ts";
import type { ResultSeries } from "./client.ts";
import type { Policies } from "./query.ts";
import { fieldName, fromWhere, quoteName, sourceOf } from "./query.ts";
import { textsOf } from "./summaries.ts";

/** What a page's columns are. */
export interface Columns {
  readonly tags: readonly string[];
  readonly fields: readonly string[];
}

/** The statements that tell the columns of a measurement: tags, then fields. */
export function columnStatements(measurement: string, policies: Policies): string[] {
  const source = sourceOf(measurement, policies);
  return [`SHOW TAG KEYS FROM ${source}`, `SHOW FIELD KEYS FROM ${source}`];
}

/** The statement of one page. */
export function pageStatement(
  span: AskedSpan,
  { tags, fields }: Columns,
  { policies, limit }: { readonly policies: Policies; readonly limit: number },
): string {
  const names = [...fields.map(fieldName), ...tags.map((tag) => `${quoteName(tag)}::tag`)];
  const source = fromWhere({ ...span, worstQuality: undefined }, policies);
  return `SELECT ${names.join(", ")} ${source} LIMIT ${limit}`;
}

/** The lines of a page's answer. */
export function linesOfPage(
  measurement: string,
  columns: Columns,
  series: readonly ResultSeries[],
): Line[] {
  return (series[0]?.values ?? []).map((row) => lineOf(measurement, row, columns));
}

function lineOf(measurement: string, row: readonly unknown[], { tags, fields }: Columns): Line {
  const [time, ...values] = row;
  const found: Record<string, FieldValue> = {};
  fields.forEach((field, i) => {
    const value = values[i];
    if (typeof value === "number" || typeof value === "string") found[field] = value;
  });
  const own = Object.fromEntries(tags.map((tag, i) => [tag, values[fields.length + i]]));
  return { measurement, tags: textsOf(own), fields: found, time: Number(time) };
}
