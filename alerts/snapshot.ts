/**
 * What the alerts remember over a restart: `alerts.json`, replaced as a whole. Kept are the lives
 * that are not over, those that ended within the last hour (so that an old point cannot wake them),
 * and the rows that the store has not taken yet. A file that cannot be read is set aside.
 */
import { v } from "../config/index.ts";
import type { Disk, Line, Log } from "../telemetry/index.ts";
import { messageOf } from "../telemetry/index.ts";
import { maxSeries, phases } from "./evaluate.ts";
import type { Compiled, Group } from "./groups.ts";
import { acknowledgedForm, maxShelves, shelfForm } from "./life/acts.ts";
import { often } from "./life/chatter.ts";
import type { KeptLife } from "./life/contract.ts";
import { countedForm } from "./life/load.ts";
import { severities } from "./rule.ts";

export const snapshotName = "alerts.json";
/** Where a damaged snapshot is put, for a person to look at. */
export const damagedName = "alerts.damaged.json";

/** How long an ended life is remembered. @unit ms */
const rememberEnded = 3_600_000;
/** Groups or rows written without a pause; 1,000 take about 2 ms. */
const slice = 1000;
/** The most groups and the most rows that a file may hold. */
const maxEntries = 1_000_000;

/** What a rule was when its groups were kept. */
export type KeptRule = Pick<Compiled, "shape" | "face">;

export interface KeptGroup extends Omit<Group, "rule"> {
  readonly rule: string;
}

export interface Snapshot extends KeptLife {
  readonly rules: Readonly<Record<string, KeptRule>>;
  readonly groups: readonly KeptGroup[];
  /** Rows that the store has not taken yet. */
  readonly lines: readonly Line[];
}

const empty: Snapshot = { rules: {}, groups: [], lines: [], shelves: [] };

const time = v.pipe(v.number(), v.finite(), v.minValue(0));
const number = v.pipe(v.number(), v.finite());
const texts = v.record(v.string(), v.string());

/** As files hold the address of a device. */
export const addressForm = v.object({
  region: v.string(),
  org: v.string(),
  site: v.string(),
  class: v.string(),
  device: v.string(),
});

/** As files hold its place. */
export const placeForm = v.object({
  zone: v.exactOptional(v.string()),
  rack: v.exactOptional(v.string()),
});

const life = v.object({
  phase: v.picklist(phases),
  since: time,
  seen: time,
  clock: v.optional(time),
  frozen: v.optional(time),
  value: v.optional(number),
  series: v.pipe(v.array(v.tupleWithRest([v.string(), time], number)), v.maxLength(maxSeries)),
});

const rule = v.object({
  shape: v.string(),
  face: v.object({
    about: v.string(),
    severity: v.picklist(severities),
    runbook: v.optional(v.string()),
    unit: v.string(),
    threshold: number,
  }),
});

const group = v.object({
  rule: v.string(),
  key: v.string(),
  address: addressForm,
  place: placeForm,
  tags: texts,
  life,
  acknowledged: v.optional(acknowledgedForm),
  chatter: v.optional(
    v.object({ firings: v.pipe(v.array(time), v.maxLength(often)), chattering: v.boolean() }),
  ),
  through: v.optional(v.pipe(v.array(v.string()), v.maxLength(2))),
});

const line = v.object({
  measurement: v.string(),
  tags: texts,
  fields: v.record(v.string(), v.union([v.string(), number])),
  time,
});

const snapshot = v.object({
  v: v.literal(1),
  rules: v.record(v.string(), rule),
  groups: v.pipe(v.array(group), v.maxLength(maxEntries)),
  lines: v.pipe(v.array(line), v.maxLength(maxEntries)),
  shelves: v.optional(v.pipe(v.array(shelfForm), v.maxLength(maxShelves)), []),
  load: v.optional(countedForm),
});

/** What a snapshot is made of. */
export interface SnapshotParts {
  readonly groups: Iterable<Group>;
  readonly life: KeptLife;
  /** Asked for last: a row written twice is one row, a row left out is lost. */
  readonly lines: () => readonly Line[];
  readonly now: number;
}

/** The bytes of a snapshot, made in slices; `breathe` lets others run in between. */
export async function encodeSnapshot(
  parts: SnapshotParts,
  breathe: () => Promise<void>,
): Promise<Uint8Array> {
  const rules: Record<string, KeptRule> = {};
  const groups: string[] = [];
  for (const one of parts.groups) {
    const { life } = one;
    if (life.phase === "inactive" && !(life.since > parts.now - rememberEnded)) continue;
    const { rule, ...group } = one;
    rules[rule.id] ??= { shape: rule.shape, face: rule.face };
    groups.push(JSON.stringify({ rule: rule.id, ...group }));
    if (groups.length % slice === 0) await breathe();
  }
  const lines: string[] = [];
  for (const line of parts.lines()) {
    lines.push(JSON.stringify(line));
    if (lines.length % slice === 0) await breathe();
  }
  const { shelves, load } = parts.life;
  const head = JSON.stringify({ v: 1, rules, shelves, load }).slice(1, -1);
  const text = `{${head},"groups":[${groups.join()}],"lines":[${lines.join()}]}`;
  return new TextEncoder().encode(text);
}

/** The last snapshot, or an empty one: a damaged file is set aside and logged, never fatal. */
export async function readSnapshot(disk: Disk, log: Log): Promise<Snapshot> {
  const bytes = await disk.readAll(snapshotName);
  if (bytes === undefined) return empty;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return v.parse(snapshot, JSON.parse(text));
  } catch (error) {
    log.error("alert snapshot was damaged and set aside", {
      file: damagedName,
      problem: messageOf(error),
    });
    await setAside(disk, log);
    return empty;
  }
}

async function setAside(disk: Disk, log: Log): Promise<void> {
  try {
    await disk.rename(snapshotName, damagedName);
  } catch (error) {
    log.error("damaged alert snapshot could not be moved", { problem: messageOf(error) });
  }
}
