/**
 * Rows back as lines, page by page in order of time. A page ends with a whole moment: the rows of
 * its last moment may go on behind the page, so they are left to the next one; a page of a single
 * moment is asked for again, larger.
 */
import type { FieldValue, Line } from "../../telemetry/index.ts";
import type { AskedSpan } from "../asked.ts";
import { refuseLong } from "../asked.ts";
import type { ResultSeries } from "./client.ts";
import { fieldName, fromWhere, quoteName } from "./query.ts";
import { textsOf } from "./summaries.ts";

const pageRows = 5000;

/** What a page's columns are. */
export interface Columns {
  readonly tags: readonly string[];
  readonly fields: readonly string[];
}

/** The statements that tell the columns of a measurement: tags, then fields. */
export function columnStatements(measurement: string): string[] {
  const name = quoteName(measurement);
  return [`SHOW TAG KEYS FROM ${name}`, `SHOW FIELD KEYS FROM ${name}`];
}

/** Lines in order of time; `ask` runs one statement. */
export async function* scanPages(
  span: AskedSpan,
  { tags, fields }: Columns,
  how: {
    readonly ask: (statement: string) => Promise<readonly ResultSeries[]>;
    readonly retentionPolicy: string | undefined;
  },
): AsyncGenerator<readonly Line[]> {
  if (fields.length === 0) return;
  const names = [...fields.map(fieldName), ...tags.map((tag) => `${quoteName(tag)}::tag`)];
  let limit = pageRows;
  for (let from = span.from; from < span.to;) {
    const source = fromWhere({ ...span, from, worstQuality: undefined }, how.retentionPolicy);
    const [page] = await how.ask(`SELECT ${names.join(", ")} ${source} LIMIT ${limit}`);
    const lines = (page?.values ?? []).map((row) =>
      lineOf(span.measurement, row, { tags, fields }),
    );
    const last = lines.at(-1)?.time ?? span.to;
    const whole = lines.length < limit ? lines : lines.filter(({ time }) => time < last);
    if (whole.length > 0) yield whole;
    if (lines.length < limit) return;
    if (whole.length === 0) refuseLong((limit *= 4));
    else limit = pageRows;
    from = last;
  }
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
