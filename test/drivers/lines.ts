/** Points as line protocol, for golden files. */
import { fieldFacts } from "../../telemetry/index.ts";
import type { Fault, Point } from "../../telemetry/index.ts";

/** A row of line protocol; tags and fields as the point has them. */
export function lineOf({ measurement, tags = {}, fields }: Point, time?: number): string {
  const series = [measurement, ...Object.entries(tags).map(([tag, name]) => `${tag}=${name}`)];
  const values = Object.entries(fields).map(([field, value]) => {
    const integer = fieldFacts(measurement, field)?.type === "integer";
    return `${field}=${value}${integer ? "i" : ""}`;
  });
  return `${series.join(",")} ${values.join(",")}${time === undefined ? "" : ` ${time}`}`;
}

/** A fault as a line of `expected.err`. */
export function faultLine({ code, at }: Fault): string {
  return `${code} ${at}`;
}
