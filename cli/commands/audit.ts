/**
 * `rackstreet audit`: is everything that the agents offered in the store, once? Counts batch by
 * batch (store/audit.ts), and holds the ledgers beside it that the agents keep: on MQTT when the
 * broker answers, in the spool's folder when it is on this machine.
 */
import type { AuditedAgent, AuditResult, AuditSpan, ShedCounts, Store } from "../../store/index.ts";
import { agentsIn, openStore, resultOf, spanOf, Tally, tally } from "../../store/index.ts";
import type { Platform, Tags } from "../../telemetry/index.ts";
import { GatewayError, RangeSet, sleep } from "../../telemetry/index.ts";
import { sqliteWorker } from "../assets.ts";
import { configArgument, defineCommand, durationArgument, jsonOption } from "../command.ts";
import { openPlatform, print, printJson } from "../command.ts";
import { exitCodes } from "../exit.ts";
import type { Ledger, SpoolLedger } from "../ledgers.ts";
import { folderLedger, liveLedgers, refusedBatches } from "../ledgers.ts";
import { brokerOptions } from "../ask-broker.ts";
import { renderTable } from "../table.ts";
import { shownAge } from "../values.ts";

/** One agent: what the store says, and its own ledgers. */
interface Audited extends AuditResult {
  readonly agent: string;
  /** What was offered up to here is compared. @unit ms since 1970-01-01 UTC */
  readonly asOf: number;
  readonly addsUp: boolean;
  readonly ledgers: readonly Ledger[];
}

/** How often the store is asked whether what was queued is there. @unit ms */
const askEvery = 500;

export const auditCommand = defineCommand({
  command: "audit <config>",
  describe: "Compare the agents' ledgers with the store: is anything missing, or there twice?",
  builder: (yargs) =>
    yargs
      .positional("config", configArgument)
      .option("agent", { type: "string", describe: "Only the agent of this name." })
      .option("since", { type: "string", describe: "How far back: 7d. Default: all." })
      .option("wait", {
        type: "string",
        default: "0s",
        describe: "How long to wait until what is queued now is stored: 60s.",
      })
      .options(brokerOptions)
      .option("json", jsonOption)
      .example("$0 audit site.yaml", "every agent that has reported to the store")
      .example("$0 audit site.yaml --agent edge-1 --since 7d --wait 60s", "")
      .epilogue(
        "Exit code 65 when something is missing or there twice. What the store itself dropped " +
          "for its age is missing too: give --since.",
      ),
  handler: async ({ config, agent, since, wait, json, url, username, passwordFrom }) => {
    const { loaded, platform } = await openPlatform(config, "error");
    await using store = await openStore(loaded.config.store, platform, { worker: sqliteWorker });
    const now = platform.clock.now();
    const spans = await spansOf(store, platform, {
      agent,
      since: since === undefined ? undefined : now - durationArgument("since", since),
      wait: durationArgument("wait", wait),
      spool: () => folderLedger(loaded, platform),
    });
    const { signal } = new AbortController();
    const tallies = await tally(store, spans, { signal, progress: showProgress });
    hideProgress();
    const notes: string[] = [];
    const refused = await refusedBatches(loaded.config.hub.data, notes);
    const asked = { url, username, passwordFrom };
    const live = await liveLedgers(loaded, { asked, platform, notes });
    const spool = await folderLedger(loaded, platform);
    const ledgers = spool === undefined ? live : [...live, spool];
    const audited = spans.map((span) => {
      const { stream } = span.agent;
      const found = tallies.get(stream) ?? new Tally();
      const result = resultOf(span, found, refused.get(stream) ?? new RangeSet());
      const own = ledgers.filter((one) => one.stream === stream).map(({ ledger }) => ledger);
      return audit(span, result, own);
    });
    const addsUp = audited.every((one) => one.addsUp);
    if (json) printJson({ addsUp, agents: audited, notes });
    else show(audited, notes, platform.clock.now());
    if (!addsUp) process.exitCode = exitCodes.data;
  },
});

function audit(span: AuditSpan, result: AuditResult, ledgers: readonly Ledger[]): Audited {
  const counted = result.missing === 0 && result.doubled === 0;
  return {
    agent: nameOf(span.agent.tags),
    asOf: span.to.time,
    ...result,
    addsUp: counted && ledgers.every((ledger) => ledger.addsUp),
    ledgers,
  };
}

function nameOf({ region, org, site, device }: Tags): string {
  return [region, org, site, device].join("/");
}

/** What is compared; waits until what the agents had reported at first is settled. */
async function spansOf(
  store: Store,
  { clock }: Platform,
  given: {
    readonly agent: string | undefined;
    readonly since: number | undefined;
    readonly wait: number;
    readonly spool: () => Promise<SpoolLedger | undefined>;
  },
): Promise<readonly AuditSpan[]> {
  const { signal } = new AbortController();
  const { since } = given;
  const goals = new Map<number, number>();
  const end = clock.monotonic() + given.wait;
  for (;;) {
    const times = { from: since ?? 0, to: clock.now() + dayMs };
    const all = await agentsIn(store, times, signal);
    const agents = all.filter(({ tags }) => tags["device"] === (given.agent ?? tags["device"]));
    const own = await given.spool();
    const spans: AuditSpan[] = [];
    for (const agent of agents) {
      const spool = own?.stream === agent.stream ? own.cut : undefined;
      const span = await spanOf(store, agent, { since, spool, signal });
      if (span !== undefined) spans.push(span);
    }
    for (const { agent, newest } of spans) {
      if (!goals.has(agent.stream)) goals.set(agent.stream, newest);
    }
    const settled = spans.every((span) => span.settled >= (goals.get(span.agent.stream) ?? 0));
    const over = clock.monotonic() >= end;
    if (over && spans.length === 0) throw new GatewayError("E_AUDIT", nobody(all, given.agent));
    if (over || (settled && spans.length > 0)) return spans;
    await sleep(clock, askEvery);
  }
}

/** An agent's clock may be ahead of ours by this. @unit ms */
const dayMs = 86_400_000;

function nobody(all: readonly AuditedAgent[], agent: string | undefined): string {
  if (agent === undefined || all.length === 0) return "no agent has reported to this store";
  const names = all.map(({ tags }) => tags["device"] ?? "").join(", ");
  return `no agent ${agent} has reported to this store; there are ${names}`;
}

// --- for people ---

let shownShare = "";

function showProgress(share: number): void {
  const text = `audit: ${Math.floor(100 * share)} %`;
  if (!process.stderr.isTTY || text === shownShare) return;
  shownShare = text;
  process.stderr.write(`\r${text}`);
}

function hideProgress(): void {
  if (shownShare !== "") process.stderr.write(`\r${" ".repeat(shownShare.length)}\r`);
}

function show(audited: readonly Audited[], notes: readonly string[], now: number): void {
  const head = ["agent", "by", "offered", "stored", "queued", "shed", "refused", "missing"];
  const rows = audited.flatMap((one) => {
    const { agent, offered, stored, queued, shed, refused, missing, doubled } = one;
    const counts = [offered, stored, queued].map(String);
    const findings = [refused, missing, doubled].map(String);
    const equal = missing === 0 && doubled === 0 ? "yes" : "NO";
    const age = `${shownAge(now - one.asOf)} ago`;
    return [
      [agent, "store", ...counts, shedText(shed), ...findings, equal, age],
      ...one.ledgers.map((ledger) => ledgerRow(agent, ledger)),
    ];
  });
  print(renderTable([...head, "double", "adds up", "as of"], rows));
  for (const { agent, absent } of audited) {
    if (absent.length === 0) continue;
    const ranges = absent.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
    print(`${agent}: not found, or never used since a crash: ${ranges.join(", ")}`);
  }
  for (const note of notes) print(note);
}

function ledgerRow(agent: string, ledger: Ledger): string[] {
  const { source, offered, stored, queued, shed, addsUp } = ledger;
  const counts = [offered, stored, queued].map(String);
  return [agent, source, ...counts, shedText(shed), "", "", "", addsUp ? "yes" : "NO", ""];
}

/** `0`, or the reasons with their counts. */
function shedText(shed: ShedCounts): string {
  const told = Object.entries(shed).filter(([, count]) => count > 0);
  return told.length === 0 ? "0" : told.map(([reason, n]) => `${reason} ${n}`).join(", ");
}
