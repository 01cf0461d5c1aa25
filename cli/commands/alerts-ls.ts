/** `rackstreet alerts ls`: what fires, who looks after it, what is shelved, and the alarm load. */
import { v } from "../../config/index.ts";
import { askAlerts } from "../alert-acts.ts";
import { brokerOptions } from "../ask-broker.ts";
import { configOption, defineCommand, jsonOption, print, printJson } from "../command.ts";
import { clock } from "../platform.ts";
import { renderTable } from "../table.ts";
import { counted, shownAge } from "../values.ts";

const tags = v.record(v.string(), v.string());
const alert = v.looseObject({
  rule: v.string(),
  severity: v.string(),
  state: v.string(),
  since: v.number(),
  value: v.optional(v.number()),
  unit: v.string(),
  channel: tags,
  address: v.looseObject({ device: v.string() }),
  acknowledged: v.optional(v.object({ by: v.string(), at: v.number(), comment: v.string() })),
  shelved: v.optional(v.object({ by: v.string(), until: v.number(), comment: v.string() })),
  chattering: v.optional(v.boolean()),
  cause: v.optional(v.looseObject({ rule: v.string(), device: v.string() })),
  consequences: v.optional(v.looseObject({ count: v.number() })),
});
type Alert = v.InferOutput<typeof alert>;

const shelf = v.object({
  rule: v.string(),
  where: tags,
  by: v.string(),
  at: v.number(),
  until: v.number(),
  comment: v.string(),
});
type Shelf = v.InferOutput<typeof shelf>;

const counts = {
  from: v.number(),
  info: v.number(),
  warning: v.number(),
  critical: v.number(),
  told: v.number(),
};
const load = v.object({
  now: v.object(counts),
  last: v.optional(v.looseObject({ ...counts, flood: v.boolean() })),
});
type Load = v.InferOutput<typeof load>;

const part = v.object({
  alerts: v.optional(v.array(alert), []),
  shelves: v.optional(v.array(shelf), []),
  load: v.optional(load),
});

export const alertsLsCommand = defineCommand({
  command: "ls",
  describe: "Show what fires, who looks after it, what is shelved, and the alarm load",
  builder: (yargs) =>
    yargs
      .option("config", configOption)
      .options(brokerOptions)
      .option("json", jsonOption)
      .example("$0 alerts ls -c hub.yaml", "all that a running hub knows"),
  handler: async ({ config, json, ...broker }) => {
    const answer = await askAlerts({ config, broker, do: "alerts" });
    const parts = answer.filter((one) => one !== null).map((one) => v.parse(part, one));
    const alerts = parts.flatMap((one) => one.alerts);
    const shelves = parts.flatMap((one) => one.shelves);
    const measured = parts.find((one) => one.load !== undefined)?.load;
    if (json) return printJson({ alerts, shelves, load: measured });
    print(textOf({ alerts, shelves, load: measured }, clock.now()));
  },
});

interface Shown {
  readonly alerts: readonly Alert[];
  readonly shelves: readonly Shelf[];
  /** Undefined for users that do not read the whole hub. */
  readonly load: Load | undefined;
}

/** What `alerts ls` prints; causes stand before what follows from them. */
export function textOf({ alerts, shelves, load: measured }: Shown, now: number): string {
  const shown = alerts.toSorted((a, b) => Number(isQuiet(a)) - Number(isQuiet(b)));
  const rows = shown.map((one) => [
    one.severity,
    one.state,
    one.rule,
    [one.address.device, ...tagTexts(one.channel)].join(" "),
    one.value === undefined ? "" : `${Number(one.value.toPrecision(6))} ${one.unit}`.trim(),
    shownAge(now - one.since),
    remarkOf(one, now),
  ]);
  const head = ["severity", "state", "rule", "device", "value", "for", ""];
  const blocks = [alerts.length === 0 ? "no alerts" : renderTable(head, rows)];
  if (shelves.length > 0) {
    const lines = shelves.map(({ rule, where, by, until, comment }) => {
      return [rule, tagTexts(where).join(" "), by, `${shownAge(until - now)} more`, comment];
    });
    blocks.push(renderTable(["shelved", "where", "by", "until", "why"], lines));
  }
  if (measured !== undefined) blocks.push(loadText(measured, now));
  return blocks.join("\n\n");
}

function isQuiet({ shelved, cause }: Alert): boolean {
  return shelved !== undefined || cause !== undefined;
}

function tagTexts(all: Readonly<Record<string, string>>): string[] {
  return Object.entries(all).map(([name, value]) => `${name}=${value}`);
}

function remarkOf(one: Alert, now: number): string {
  const { acknowledged, shelved, chattering, cause, consequences } = one;
  return [
    ...(consequences === undefined ? [] : [`with ${counted(consequences.count, "consequence")}`]),
    ...(cause === undefined ? [] : [`follows from ${cause.rule} on ${cause.device}`]),
    ...(acknowledged === undefined
      ? []
      : [`acknowledged by ${acknowledged.by}${why(acknowledged.comment)}`]),
    ...(shelved === undefined
      ? []
      : [`shelved by ${shelved.by}, ${shownAge(shelved.until - now)} more${why(shelved.comment)}`]),
    ...(chattering === true ? ["chattering: held until calm"] : []),
  ].join("; ");
}

function why(comment: string): string {
  return comment === "" ? "" : `: ${comment}`;
}

function loadText({ now: current, last }: Load, now: number): string {
  const counts = ({ info, warning, critical, told }: Load["now"]): string =>
    `${info + warning + critical} began, ${told} told`;
  const before =
    last === undefined
      ? ""
      : `; the ten minutes before: ${counts(last)}${last.flood ? ", a flood" : ""}`;
  return `alarm load, ${shownAge(now - current.from)}: ${counts(current)}${before}`;
}
