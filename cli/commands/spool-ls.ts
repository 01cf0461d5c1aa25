/** `rackstreet spool ls`: what a spool holds; also while its agent runs. */
import type { Checkpoint, SegmentFacts, SpoolFacts } from "../../agent/index.ts";
import { survey } from "../../agent/index.ts";
import { RangeSet } from "../../telemetry/index.ts";
import { defineCommand, jsonOption, print, printJson } from "../command.ts";
import { clock } from "../platform.ts";
import { renderTable } from "../table.ts";
import { shownAge } from "../values.ts";
import { counted } from "../values.ts";
import { findSpool, Progress, shownSize, spoolOptions } from "./spool-folder.ts";

export const lsCommand = defineCommand({
  command: "ls",
  describe: "List segments, the stream and its ledger; may run beside the agent",
  builder: (yargs) =>
    yargs
      .options(spoolOptions)
      .option("json", jsonOption)
      .example("$0 spool ls -c site.yaml", "the spool of a site's agent")
      .example("$0 spool ls --folder /media/stick/spool --json", "a copy, for machines"),
  handler: async ({ config, folder, json }) => {
    const { path, disk } = await findSpool({ config, folder });
    using progress = new Progress("reading");
    const facts = await survey(disk, { progress: (done, all) => progress.show(done, all) });
    if (json) printJson({ folder: path, ...machineForm(facts) });
    else show(path, facts);
  },
});

function machineForm({ checkpoint, segments, missing, since }: SpoolFacts) {
  const known = typeof checkpoint === "object" ? checkpoint : undefined;
  return {
    checkpoint: known === undefined ? (checkpoint ?? "missing") : "good",
    stream: known?.stream ?? null,
    ledger: known === undefined ? null : ledgerOf(known),
    since,
    missing,
    oldest: oldestOf(segments) ?? null,
    segments: segments.map(({ damage, torn, ...segment }) => ({
      name: segment.name,
      kind: segment.kind,
      bytes: segment.size,
      records: segment.records,
      pending: segment.pending,
      oldest: segment.oldest ?? null,
      newest: segment.newest ?? null,
      damaged: damage,
      torn: torn ?? null,
    })),
  };
}

function ledgerOf({ offered, stored, shed, pending }: Checkpoint) {
  return { offered, stored, queued: RangeSet.of(pending).size, shed };
}

function oldestOf(segments: readonly SegmentFacts[]): number | undefined {
  const times = segments.flatMap(({ oldestPending }) => oldestPending ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

function show(path: string, facts: SpoolFacts): void {
  const { checkpoint, segments, missing, since } = facts;
  print(`spool   ${path}`);
  if (typeof checkpoint === "object") {
    const { offered, stored, queued, shed } = ledgerOf(checkpoint);
    const { full, disk, damaged, large } = shed;
    const sum = full + disk + damaged + large;
    const reasons = `full ${full}, disk ${disk}, damaged ${damaged}, large ${large}`;
    print(`stream  ${checkpoint.stream}`);
    print(`ledger  offered ${offered} = stored ${stored} + queued ${queued} + shed ${sum}`);
    print(`shed    ${reasons}`);
    if (since > 0) print(`newer   ${counted(since, "record")} above the checkpoint`);
  } else print(`stream  unknown: checkpoint.json ${checkpoint ?? "missing"}`);
  if (missing > 0) print(`missing ${counted(missing, "batch", "batches")} called pending`);
  const oldest = oldestOf(segments);
  print(`oldest  ${oldest === undefined ? "nothing waits" : shownAge(clock.now() - oldest)}`);
  const bytes = segments.reduce((sum, { size }) => sum + size, 0);
  print(`disk    ${shownSize(bytes)} in ${counted(segments.length, "segment")}`);
  if (segments.length === 0) return;
  const head = ["segment", "kind", "size", "records", "pending", "oldest", "newest", "damaged"];
  print(renderTable(head, segments.map(rowOf)));
}

function rowOf(segment: SegmentFacts): string[] {
  const { name, kind, size, records, pending, oldest, newest, damage, torn } = segment;
  const lost = damage.reduce((sum, { length }) => sum + length, 0);
  const places = damage.length === 0 ? "" : `${damage.length} (${shownSize(lost)})`;
  const tail = torn === undefined ? "" : `tail ${shownSize(torn.length)}`;
  return [
    name,
    kind,
    shownSize(size),
    String(records),
    String(pending),
    momentOf(oldest),
    momentOf(newest),
    [places, tail].filter((text) => text !== "").join(", ") || "no",
  ];
}

function momentOf(time: number | undefined): string {
  return time === undefined ? "" : new Date(time).toISOString().slice(0, 19);
}
