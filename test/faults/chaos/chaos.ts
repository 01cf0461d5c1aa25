/**
 * Chaos on the real thing: faults strike at random moments while readings flow; then all is
 * healed, and the laws are judged by `rackstreet audit` and by three witnesses of their own: what
 * the agent logged as spooled, the simulated truth of stored values, and what a subscriber sees.
 */
import { setTimeout } from "node:timers/promises";
import { v } from "../../../config/index.ts";
import { openStore, storeOptions } from "../../../store/index.ts";
import type { Line } from "../../../telemetry/index.ts";
import { until } from "../../until.ts";
import { Chance } from "../../voyage/chance.ts";
import { devices, isTruth, platform } from "../site.ts";
import type { FaultKind } from "./plan.ts";
import { planOf, strike } from "./plan.ts";
import { World } from "./world.ts";

export interface ChaosSetup {
  readonly seed: number;
  /** How long faults strike. @unit ms */
  readonly length: number;
  /** With mosquitto as the one broker. */
  readonly outside: boolean;
  readonly say: (text: string) => void;
}

export interface ChaosResult {
  readonly seed: number;
  readonly outside: boolean;
  readonly seconds: number;
  readonly offered: number;
  readonly stored: number;
  readonly queued: number;
  readonly shed: number;
  /** Of those shed: stored all the same, because only the answer was lost. */
  readonly storedAndShed: number;
  readonly refused: number;
  readonly missing: number;
  readonly doubled: number;
  readonly kills: number;
  readonly cuts: number;
  readonly pauses: number;
  readonly fills: number;
  readonly starvations: number;
  /** Stored values held against the truth. */
  readonly samples: number;
  /** Laws that were broken, in sentences; empty when all is well. */
  readonly broken: readonly string[];
}

/** How long what is left may take to arrive: the longest back-offs of link and resend, twice. */
const drain = "240s";
const samplesPerSeries = 40;

export async function chaos(setup: ChaosSetup): Promise<ChaosResult> {
  const { seed, length, outside, say } = setup;
  const started = performance.now();
  await using world = await World.start(outside);
  const counts = await wreak(world, setup);
  say("healed; waiting for the rest");
  const healed = Date.now();
  const broken: string[] = [];
  const audited = judgeAudit(await world.audit(world.config, "--wait", drain), broken);
  await judgeCity(world, healed, broken);
  // Again in the end, also by the agent's reports alone.
  await world.roles[0].stop();
  judgeAudit(await world.audit(world.config), broken);
  judgeAudit(await world.audit(`${world.folder}/elsewhere.json`), broken);
  const samples = await judgeRows(world, audited.shed, broken);
  broken.push(...world.roles.flatMap(({ ends }) => ends));
  if (broken.length > 0) say(`what agent and hub wrote: ${await world.keepLogs(seed)}`);
  const seconds = Math.round((performance.now() - started) / 1000);
  say(`${Math.round(length / 1000)} s of faults, ${seconds} s in all`);
  return { seed, outside, seconds, ...audited, ...counts, samples, broken };
}

type FaultCounts = Pick<ChaosResult, "kills" | "cuts" | "pauses" | "fills" | "starvations">;

/** Lets the faults of the seed strike, each at its moment; returns when the last is healed. */
async function wreak(world: World, { seed, length, say }: ChaosSetup): Promise<FaultCounts> {
  const plan = planOf(new Chance(seed), length, world.disks !== undefined);
  const begun = performance.now();
  const busy = new Map<string, Promise<void>>();
  for (const fault of plan) {
    await setTimeout(Math.max(0, fault.at - (performance.now() - begun)));
    say(`${(fault.at / 1000).toFixed(1)} s ${fault.name} for ${fault.length} ms`);
    const before = busy.get(fault.thing) ?? Promise.resolve();
    busy.set(
      fault.thing,
      before.then(() => strike(world, fault)),
    );
  }
  await Promise.all(busy.values());
  const count = (kind: FaultKind): number => plan.filter((fault) => fault.kind === kind).length;
  return {
    kills: count("kill"),
    cuts: count("cut"),
    pauses: count("pause"),
    fills: count("fill"),
    starvations: count("starve"),
  };
}

type Audited = Pick<
  ChaosResult,
  "offered" | "stored" | "queued" | "shed" | "storedAndShed" | "refused" | "missing" | "doubled"
>;

function judgeAudit(answer: Record<string, unknown>, broken: string[]): Audited {
  const agents = v.parse(v.array(v.record(v.string(), v.unknown())), answer["agents"]);
  const [agent = {}] = agents;
  if (answer["code"] !== 0) broken.push(`audit: ${JSON.stringify(answer)}`);
  const shed = v.parse(v.record(v.string(), v.number()), agent["shed"]);
  return {
    offered: Number(agent["offered"]),
    stored: Number(agent["stored"]),
    queued: Number(agent["queued"]),
    shed: Object.values(shed).reduce((a, b) => a + b, 0),
    storedAndShed: Number(agent["storedAndShed"]),
    refused: Number(agent["refused"]),
    missing: Number(agent["missing"]),
    doubled: Number(agent["doubled"]),
  };
}

/** The city's subscriber has a current value of each device. */
async function judgeCity({ seen }: World, healed: number, broken: string[]): Promise<void> {
  const late = (): string[] => devices.filter((device) => (seen.get(device) ?? 0) < healed);
  const current = await until(() => late().length === 0, { timeout: 90_000, interval: 200 });
  if (!current) broken.push(`the subscriber sees nothing new of ${late().join(", ")}`);
}

/** What was called spooled is there but for what was shed, once, and true. Returns the samples. */
async function judgeRows(world: World, shed: number, broken: string[]): Promise<number> {
  world.keepSpooled();
  const options = v.parse(storeOptions, { engine: "influxdb1", url: world.influxd.url });
  await using store = await openStore(options, platform);
  const span = { measurement: "rack_phase", from: world.started, to: Date.now() + 60_000 };
  const lines: Line[] = [];
  for await (const piece of store.scan(span, AbortSignal.timeout(60_000))) lines.push(...piece);
  const stored = new Set(lines.map(({ tags, time }) => `${tags["device"] ?? ""} ${time}`));
  const absent = [...world.spooled].filter((key) => !stored.has(key));
  if (absent.length > shed) {
    const some = absent.slice(0, 5).join(", ");
    broken.push(`${absent.length} spooled batches are not stored, ${shed} were shed: ${some}`);
  }
  if (lines.length !== 2 * stored.size) broken.push("a batch is stored in part");
  const step = Math.max(1, Math.floor(lines.length / (2 * devices.length * samplesPerSeries)));
  const samples = lines.filter((_, index) => index % step === 0);
  for (const { tags, time, fields } of samples) {
    const { seq: _seq, stream: _stream, ...values } = fields;
    if (await isTruth(tags, time, values)) continue;
    broken.push(`${tags["device"] ?? ""} at ${time} is not true: ${JSON.stringify(fields)}`);
  }
  return samples.length;
}
