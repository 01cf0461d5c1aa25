/**
 * What an audit holds beside the store: the ledgers that agents keep, on MQTT and in a spool's
 * folder on this machine, and what the hub set aside. Changes nothing, whoever runs beside it.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { v, whole } from "../config/index.ts";
import type { ShedCounts, SpoolCut } from "../store/index.ts";
import { shedOf, shedTotal } from "../store/index.ts";
import type { Platform } from "../telemetry/index.ts";
import { GatewayError, messageOf, RangeSet, streamNumber } from "../telemetry/index.ts";
import type { LoadedConfig } from "./config.ts";
import type { BrokerArguments } from "./ask-broker.ts";
import type { Report } from "./reports.ts";
import { askReports } from "./reports.ts";

/** What an agent counts by itself. */
export interface Ledger {
  readonly source: "mqtt" | "spool";
  readonly offered: number;
  readonly stored: number;
  readonly queued: number;
  readonly shed: ShedCounts;
  readonly addsUp: boolean;
}

const count = whole(0, Number.MAX_SAFE_INTEGER);
const deadLetter = v.object({ stream: v.string(), seq: count });

/** The batches that the hub set aside, by stream. */
export async function refusedBatches(
  folder: string,
  notes: string[],
): Promise<ReadonlyMap<number, RangeSet>> {
  const refused = new Map<number, RangeSet>();
  for (const name of ["set-aside.jsonl.old", "set-aside.jsonl"]) {
    const text = await readFile(join(folder, name), "utf8").catch(() => "");
    for (const line of text.split("\n")) {
      const entry = v.safeParse(v.pipe(v.string(), v.parseJson(), deadLetter), line);
      if (!entry.success) continue;
      const { stream, seq } = entry.output;
      const number = streamNumber(stream);
      const known = refused.get(number) ?? new RangeSet();
      known.add(seq);
      refused.set(number, known);
    }
  }
  const here = await stat(folder).catch(() => undefined);
  if (here === undefined) {
    notes.push(`no folder ${folder}: what a hub elsewhere refused counts as missing`);
  }
  return refused;
}

/** The ledger of a stream, which is named by its number in rows. */
export interface StreamLedger {
  readonly stream: number;
  readonly ledger: Ledger;
}

/** The ledger of a spool, and what it knows beyond. */
export interface SpoolLedger extends StreamLedger {
  readonly cut: SpoolCut;
}

/** What the agents say on MQTT; nothing when the broker does not answer. */
export async function liveLedgers(
  loaded: LoadedConfig,
  given: { readonly asked: BrokerArguments; readonly platform: Platform; readonly notes: string[] },
): Promise<readonly StreamLedger[]> {
  try {
    const reports = await askReports(given.asked, { loaded, platform: given.platform });
    return reports
      .filter(({ address }) => address.class === "agent")
      .map((report) => ({ stream: streamNumber(report.stream), ledger: liveLedger(report) }));
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== "E_UPLINK") throw error;
    given.notes.push(`the broker was not asked: ${messageOf(error)}`);
    return [];
  }
}

function liveLedger({ fields }: Report): Ledger {
  const number = (name: string): number => Number(fields[name] ?? 0);
  return ledgerOf("mqtt", {
    offered: number("offered_total"),
    stored: number("stored_total"),
    queued: number("queued_count"),
    shed: shedOf(fields),
  });
}

function ledgerOf(source: Ledger["source"], counts: Omit<Ledger, "source" | "addsUp">): Ledger {
  const { offered, stored, queued, shed } = counts;
  return { source, ...counts, addsUp: offered === stored + queued + shedTotal(shed) };
}

/** What the audit needs of a spool's checkpoint. */
const checkpoint = v.object({
  stream: v.string(),
  next: count,
  offered: count,
  stored: count,
  shed: v.object({ full: count, disk: count, damaged: count, large: count }),
  pending: v.array(v.tuple([count, count])),
});

/** The ledger in this configuration's own spool, read beside the agent that may be running. */
export async function folderLedger(
  { config }: LoadedConfig,
  { clock }: Platform,
): Promise<SpoolLedger | undefined> {
  const file = join(config.agent.data, "spool", "checkpoint.json");
  const text = await readFile(file, "utf8").catch(() => "");
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), checkpoint), text);
  if (!parsed.success) return undefined;
  const { stream, next, offered, stored, shed, pending } = parsed.output;
  const waiting = RangeSet.of(pending);
  const ledger = ledgerOf("spool", { offered, stored, queued: waiting.size, shed });
  const cut = { time: clock.now(), seq: next, offered, shed, waiting };
  return { stream: streamNumber(stream), ledger, cut };
}
