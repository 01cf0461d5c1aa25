/** Files for people who have the database but no hub: one of each language it may speak. */
import { fluxFile } from "./flux.ts";
import { influxqlFile } from "./influxql.ts";
import type { Questions } from "./plan.ts";
import { sqlFile } from "./sql.ts";
import type { Asked, QueryFile } from "./statement.ts";
import { fileText } from "./statement.ts";

/** `sql` is of InfluxDB 3, `sqlite` of `rackstreet store sql`. */
export const dialects = ["influxql", "flux", "sql", "sqlite"] as const;
export type Dialect = (typeof dialects)[number];

export interface Titled {
  /** What stands in the first lines. */
  readonly title: string;
  /** Of Flux. */
  readonly bucket: string;
}

/** The statements of a file. */
export function queryFile(
  dialect: Dialect,
  questions: Questions,
  { bucket, ...asked }: Asked & Pick<Titled, "bucket">,
): QueryFile {
  if (dialect === "influxql") return influxqlFile(questions, asked);
  if (dialect === "flux") return fluxFile(questions, asked, bucket);
  return sqlFile(questions, asked, dialect === "sql" ? "influxdb3" : "sqlite");
}

/** The file itself. */
export function queryText(
  dialect: Dialect,
  questions: Questions,
  { title, ...asked }: Asked & Titled,
): string {
  const [mark, end] = dialect === "flux" ? ["//", ""] : ["--", ";"];
  return fileText(queryFile(dialect, questions, asked), { title, mark, end });
}
