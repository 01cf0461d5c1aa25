/** What a backtest found, for people: a table of firings, the alarm load, what flaps. */
import type { AlarmLoad, BacktestResult, Episode, Flapping } from "../alerts/index.ts";
import { renderTable } from "./table.ts";

/** Firings shown; `--json` holds all. */
const mostShown = 200;

export interface BacktestHead {
  /** @unit ms since 1970-01-01 UTC */
  readonly from: number;
  /** @unit ms since 1970-01-01 UTC */
  readonly to: number;
  readonly seconds: number;
  readonly daysPerSecond: number;
}

export function backtestText(result: BacktestResult, head: BacktestHead): string {
  const { episodes, load, flapping, rows, ignored, refused, blind, leftOut } = result;
  const more = episodes.length - mostShown + leftOut;
  const notes = [
    ...(more > 0 ? [`… and ${more} more; --json holds them`] : []),
    ...(ignored > 0 ? [`${ignored} values were not newer than the last of their series`] : []),
    ...(refused > 0 ? [`${refused} rows were refused: a rule had too many groups`] : []),
    ...(blind.length > 0 ? [`the store could not answer for: ${blind.join(", ")}`] : []),
  ];
  const days = ((head.to - head.from) / 86_400_000).toFixed(1);
  const speed = `${head.seconds.toFixed(1)} s, ${head.daysPerSecond.toPrecision(3)} days/s`;
  return [
    episodes.length === 0 ? "nothing would have fired" : firingsTable(episodes),
    ...notes,
    "",
    ...loadLines(load, episodes),
    ...flapping.slice(0, 10).map(flappingLine),
    "",
    `${rows} rows of ${days} days in ${speed}`,
  ].join("\n");
}

function firingsTable(episodes: readonly Episode[]): string {
  const rows = episodes.slice(0, mostShown).map((one) => {
    const { rule, severity, tags, since, until, peak, unit } = one;
    return [
      rule,
      severity,
      tagsText(tags),
      instant(since),
      until === undefined ? "still firing" : instant(until),
      until === undefined ? "" : lasted(until - since),
      peak === undefined ? "" : `${Number(peak.toPrecision(6))} ${unit}`.trim(),
    ];
  });
  const head = ["rule", "severity", "of", "since (UTC)", "until", "duration", "peak"];
  return renderTable(head, rows);
}

function loadLines(load: AlarmLoad, episodes: readonly Episode[]): string[] {
  const { alerts, meanPerTenMinutes, peakPerTenMinutes, peakAt, floodShare } = load;
  const peak = peakAt === undefined ? "" : ` (${instant(peakAt)})`;
  const flood = `${(floodShare * 100).toFixed(2)} % of ten-minute windows with more than 10`;
  const mean = `${meanPerTenMinutes.toPrecision(2)} per ten minutes`;
  return [
    `alarm load  ${alerts} alerts, ${mean}, at most ${peakPerTenMinutes}${peak}, ${flood}`,
    "            acceptable for one operator by EEMUA 191 and ISA-18.2: 1 per ten minutes, < 1 %",
    ...(episodes.length === 0 ? [] : [`busiest     ${busiest(episodes)}`]),
  ];
}

/** The rules that fired most, with their share. */
function busiest(episodes: readonly Episode[]): string {
  const counts = [...Map.groupBy(episodes, ({ rule }) => rule)]
    .map(([rule, same]) => ({ rule, count: same.length }))
    .toSorted((a, b) => b.count - a.count);
  const share = (count: number): string => `${Math.round((count / episodes.length) * 100)} %`;
  return counts
    .slice(0, 5)
    .map(({ rule, count }) => `${rule} ${count} (${share(count)})`)
    .join(", ");
}

function flappingLine({ rule, tags, times, mostPerHour, chattering }: Flapping): string {
  const word = chattering ? "chattering" : "flapping  ";
  return `${word}  ${rule} ${tagsText(tags)}: ${times} times, at most ${mostPerHour} in an hour`;
}

function tagsText(tags: Episode["tags"]): string {
  return Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}

function instant(time: number): string {
  return new Date(time).toISOString().slice(0, 19).replace("T", " ");
}

/** 1d 02:03:04. */
function lasted(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  const clock = new Date(ms % 86_400_000).toISOString().slice(11, 19);
  return days === 0 ? clock : `${days}d ${clock}`;
}
