/**
 * Rows back as lines, page by page in order of time. A page ends with a whole moment: the rows of
 * its last moment may go on behind the page, so they are left to the next one; a page of a single
 * moment is asked for again, larger.
 */
import type { Line } from "../../telemetry/index.ts";
import { refuseLong } from "../asked.ts";

const pageRows = 5000;

export interface PageSpan {
  /** Included. @unit ms since 1970-01-01 UTC */
  readonly from: number;
  /** Not included. @unit ms since 1970-01-01 UTC */
  readonly to: number;
}

/**
 * Lines in order of time; `read` gives at most `limit` lines from a moment on, in that order.
 * @throws E_QUERY when one moment has more rows than an answer may have
 */
export async function* pages(
  { from, to }: PageSpan,
  read: (from: number, limit: number) => Promise<readonly Line[]>,
): AsyncGenerator<readonly Line[]> {
  let limit = pageRows;
  for (let start = from; start < to;) {
    const lines = await read(start, limit);
    const last = lines.at(-1)?.time ?? to;
    const whole = lines.length < limit ? lines : lines.filter(({ time }) => time < last);
    if (whole.length > 0) yield whole;
    if (lines.length < limit) return;
    if (whole.length === 0) refuseLong((limit *= 4));
    else limit = pageRows;
    start = last;
  }
}
