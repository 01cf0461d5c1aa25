/** What stands behind a value, as a block of text for people. */
import type { Step } from "../drivers/index.ts";
import type { FieldValue } from "../telemetry/index.ts";
import type { Explained } from "./explain.ts";
import { channelIn } from "./query-ask.ts";
import { shownAge, shownValue } from "./values.ts";

/** Width of the names on the left. @unit characters */
const nameWidth = 10;

export function explainedText(explained: readonly Explained[], now: number): string {
  return explained.map((one) => blockOf(one, now)).join("\n\n");
}

function blockOf(one: Explained, now: number): string {
  const lines = [
    [one.time === undefined ? "rows" : "row", rowText(one, now)],
    ["quality", one.q === undefined ? "not known" : `${one.q}, ${one.quality}`],
    ["stored", "when it was stored is not kept"],
    ["device", deviceText(one)],
    ...(one.told === undefined ? [] : deviceLines(one)),
    ...(one.live === undefined ? [] : [["live", liveText(one, one.live, now)]]),
  ];
  const shown = lines.map(([name = "", text = ""]) => `  ${name.padEnd(nameWidth)}${text}`);
  return [headOf(one), ...shown].join("\n");
}

function headOf({ measurement, field, value, tags, aggregate }: Explained): string {
  const what = [measurement, channelIn(measurement, tags), field].filter(Boolean).join(" ");
  const shown = aggregate === "count" ? String(value) : exactly(measurement, field, value);
  return `${shown}  ${aggregate} of ${what} of ${tags["device"] ?? "no device"}`;
}

/** `230.1 V (230.1)` would say it twice; `4.37 kW (4370.2)` does not. */
function exactly(measurement: string, field: string, value: FieldValue): string {
  const shown = shownValue(measurement, field, value);
  return shown.split(" ")[0] === String(value) ? shown : `${shown} (${value})`;
}

function rowText({ time, window, rows, expected }: Explained, now: number): string {
  const of = expected === undefined ? "" : ` of ${expected}`;
  const share =
    expected === undefined ? "" : `, ${Math.min(100, Math.round((100 * rows) / expected))} %`;
  const noun = rows === 1 && expected === undefined ? "row" : "rows";
  const span = `${rows}${of} ${noun}${share} from ${iso(window.from)} to ${iso(window.to)}`;
  return time === undefined ? span : `${iso(time)} (${shownAge(now - time)} ago), ${span}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function deviceText({ tags, told, class: kind, agent, interval_ms: interval }: Explained): string {
  const { region = "?", org = "?", site = "?", zone, rack } = tags;
  const parts = [
    `${region}/${org}/${site}`,
    ...(zone === undefined ? [] : [`zone ${zone}`]),
    ...(rack === undefined ? [] : [`rack ${rack}`]),
  ];
  if (told === undefined) {
    return `${parts.join(", ")}; neither the configuration nor meta at the broker knows it`;
  }
  if (kind !== undefined) parts.push(`class ${kind}`);
  if (agent !== undefined) parts.push(`agent ${agent}`);
  if (interval !== undefined) parts.push(`read every ${shownPace(interval)}`);
  return `${parts.join(", ")} (from ${told === "meta" ? "its agent's meta" : "the configuration"})`;
}

/** `500 ms`, `5 s`, `2 min`. */
function shownPace(ms: number): string {
  return ms < 1000 ? `${ms} ms` : shownAge(ms);
}

function deviceLines(one: Explained): string[][] {
  const { topic = "", profile, source, raw, steps = [], aggregate } = one;
  const lines = [
    ["topic", topic],
    ["driver", driverText(one)],
  ];
  if (profile !== undefined) {
    const product = [profile.vendor, profile.model].filter(Boolean).join(" ");
    const line = profile.line === undefined ? "" : `, ${profile.line}`;
    lines.push(["profile", `${profile.id} (${product})${line}`]);
    lines.push(...profile.documents.map((document) => ["", `after ${document}`]));
    lines.push(...profile.caveats.map((caveat) => ["", `caveat: ${caveat}`]));
  }
  if (source === undefined) return [...lines, ["source", "not known"]];
  lines.push(["source", sourceText(source)]);
  if (raw !== undefined) {
    const found = raw.unique ? ", and nothing else gives the value" : "";
    const words = raw.words === undefined ? "cannot be told" : `${raw.words} (derived${found})`;
    lines.push(["raw", words], ...raw.doubts.map((doubt) => ["", `but ${doubt}`]));
  } else if (!isValue(aggregate)) {
    lines.push(["raw", `a ${aggregate} has none of its own`]);
  }
  lines.push(...steps.map((step, index) => [index === 0 ? "steps" : "", stepText(step)]));
  return lines;
}

function isValue(aggregate: string): boolean {
  return ["first", "last", "min", "max"].includes(aggregate);
}

function driverText({ driver = "", endpoint = {} }: Explained): string {
  const where = Object.entries(endpoint).map(([name, value]) => {
    return name === "address" || name === "line" ? String(value) : `${name} ${value}`;
  });
  return [driver, ...where].join(", ");
}

function sourceText({ at, every_ms: every, ...facts }: NonNullable<Explained["source"]>): string {
  const told = Object.entries(facts).filter(([name]) => name !== "table" && name !== "count");
  const named = told.map(([name, value]) => `${name} ${plainly(value)}`);
  const pace = every === undefined ? [] : [`at most every ${shownPace(every)}`];
  return [at, ...named, ...pace].join(", ");
}

function plainly(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function stepText({ does, gives }: Step): string {
  return `${does}: ${gives ?? "?"}`;
}

function liveText(
  { measurement, field, value }: Explained,
  { time, words, value: now_, faults }: NonNullable<Explained["live"]>,
  now: number,
): string {
  const trouble = faults.length === 0 ? "" : `; ${faults.join(", ")}`;
  if (words === undefined) return `the device gave no such value${trouble}`;
  const shown = now_ === undefined ? "no value" : exactly(measurement, field, now_);
  const same = now_ === value ? ", the same as stored" : "";
  return `${words} = ${shown}${same} (read ${shownAge(now - time)} ago)${trouble}`;
}
