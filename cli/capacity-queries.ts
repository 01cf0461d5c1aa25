/** Query files of a configured site, and the span that their arguments mean. */
import type { Asked, Dialect, Questions } from "../alerts/index.ts";
import { frameOf, queryText, rolledEvery } from "../alerts/index.ts";
import { spanArgument } from "./capacity-read.ts";
import { momentArgument } from "./query-ask.ts";
import type { Config } from "./schema.ts";

/** Both ends rounded up to whole windows, as `capacity` does. @throws E_USAGE */
export function querySpan(
  { since, until }: { readonly since: string; readonly until: string | undefined },
  now: number,
): Asked {
  return {
    since: whole(spanArgument("since", since)),
    until: until === undefined ? undefined : whole(momentArgument("until", until, now)),
  };
}

function whole(to: number): number {
  return frameOf({ from: 0, to, every: rolledEvery }).to;
}

/** A file of one dialect. */
export function queriesText(
  { site, store }: Config,
  questions: Questions,
  { dialect, ...asked }: Asked & { readonly dialect: Dialect },
): string {
  const bucket = store.engine === "influxdb2" ? store.bucket : "rackstreet";
  const title =
    `Capacity of ${site.name}: written by \`rackstreet capacity queries\` from its topology.\n` +
    "docs/influx-only.md says how to run it. Means of 5 min, no rows of quality 2 and worse.";
  return queryText(dialect, questions, { title, bucket, ...asked });
}
