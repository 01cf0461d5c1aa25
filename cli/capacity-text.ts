/** Capacity as tables for people and as JSON for machines. What is not known is told as such. */
import type {
  Capacity,
  ElementCapacity,
  FeedCapacity,
  Forecast,
  Room,
  Stat,
  Stop,
} from "../alerts/index.ts";
import { ratedWatts } from "../alerts/index.ts";
import type { Element, Failure, Phase, Use } from "../config/index.ts";
import { phaseNames, shownRating } from "../config/index.ts";
import { renderTable } from "./table.ts";

/** What stands where nothing is known. */
const unknown = "?";

/** Most names of a list that are told. */
const mostNames = 6;

/** Beyond this a forecast says no more than that it is far. @unit d */
const farDays = 730;

export function capacityText(
  { feeds, consumers }: Capacity,
  shown: readonly ElementCapacity[],
): string {
  const parts = [
    elementTable(shown),
    ...(feeds.length === 0 ? [] : [feedTable(feeds)]),
    ...phaseTable(shown),
    ...notes(shown, consumers.onPaper),
  ];
  return parts.join("\n\n");
}

function elementTable(shown: readonly ElementCapacity[]): string {
  const head = ["element", "kind", "rated", "now", "p95", "peak", "data", "left", "nearest limit"];
  const more = ["left in failover", "may be added", "stranded", "full"];
  const rows = shown.map((one) => {
    const { element, usage, use, headroom, stranded, forecast, room } = one;
    return [
      element.id,
      element.kind,
      ratedText(element),
      watts(usage.watts.now),
      watts(usage.watts.p95),
      watts(usage.watts.peak),
      dataText(one),
      use === undefined ? leftText(one) : watts(headroom),
      use === undefined ? "" : useText(use),
      failoverText(one),
      room === undefined ? "" : roomText(room),
      stranded === undefined ? "" : watts(stranded),
      forecast === undefined ? "" : forecastText(forecast),
    ];
  });
  return renderTable([...head, ...more], rows);
}

/** Of racks the way of power is told instead; of what is not measured it would be paper alone. */
function failoverText({ element, usage, failover }: ElementCapacity): string {
  if (failover === undefined || element.kind === "rack" || usage.missing.length > 0) return "";
  const asked = failover.asked ? "" : ", nobody counts on it";
  return `${watts(failover.headroom)} (${failureText(failover.failure)}${asked})`;
}

function leftText({ element, usage }: ElementCapacity): string {
  const { power, apparent, current } = element.rating;
  const rated = [power, apparent, current].some((one) => one !== undefined);
  return rated || usage.watts.p95 === undefined ? unknown : "no rating";
}

function watts(value: number | undefined): string {
  return value === undefined ? unknown : shownRating(value, "W");
}

export function ratedText({ rating, derate, kind }: Element): string {
  const { power, apparent, current } = rating;
  const shown: string[] = [];
  if (power !== undefined) shown.push(shownRating(power, "W"));
  if (apparent !== undefined) shown.push(shownRating(apparent, "VA"));
  if (current !== undefined && kind !== "rack") {
    const lasting = derate < 1 ? ` × ${Math.round(100 * derate)} %` : "";
    shown.push(`${shownRating(current, "A")}${lasting}`);
  }
  return shown.join(", ");
}

/** Which share of the windows has a row, or who says nothing. */
function dataText({ usage }: ElementCapacity): string {
  if (usage.missing.length > 0) return `no data of ${few(usage.missing)}`;
  if (usage.by.length === 0) return "not measured";
  const percent = 100 * usage.watts.coverage;
  return `${percent > 0 && percent < 1 ? "< 1" : Math.floor(percent)} %`;
}

/** `a, b, c`, of many the first. */
export function few(names: readonly string[]): string {
  if (names.length <= mostNames) return names.join(", ");
  return `${names.slice(0, mostNames).join(", ")} and ${names.length - mostNames} more`;
}

function useText({ unit, phase, used, limit }: Use): string {
  const on = phase === undefined ? "" : ` on ${phase}`;
  return `${shownRating(used, unit)}${on} of ${shownRating(limit, unit)}`;
}

export function failureText({ kind, name }: Failure): string {
  return kind === "feed" ? `feed ${name} fails` : `${name} fails`;
}

/** `3 kW, then cb-1a (feed B fails)`. */
export function roomText({ watts: left, by }: Room): string {
  if (left === undefined || by === undefined) return "no limit known";
  return `${shownRating(left, "W")}, then ${stopText(by)}`;
}

export function stopText({ element, phase, failure, why }: Stop): string {
  const on = phase === undefined ? "" : ` ${phase}`;
  const when = failure === undefined ? "" : ` (${failureText(failure)})`;
  return `${element}${on}${why === undefined ? "" : ` ${why}`}${when}`;
}

export function forecastText(forecast: Forecast): string {
  if (forecast.says === "full") return "now";
  if (forecast.says === "not rising") return "not rising";
  if (forecast.says === "too little data") return `${forecast.days} of ${forecast.needed} days`;
  const { days, earliest, latest } = forecast;
  if (earliest > farDays) return "in more than 2 years";
  const to = latest > farDays ? "2 years or more" : `${Math.round(latest)} d`;
  const most = days > farDays ? "years" : `${Math.round(days)} d`;
  return `in ${most} (${Math.round(earliest)} d to ${to})`;
}

function feedTable(feeds: readonly FeedCapacity[]): string {
  const rows = feeds.map(({ feed, begins, used, headroom }) => [
    feed,
    few(begins),
    watts(used),
    watts(headroom),
  ]);
  return renderTable(["feed", "begins at", "p95", "left"], rows);
}

/** Elements whose phases are told apart. */
function phaseTable(shown: readonly ElementCapacity[]): readonly string[] {
  const rows = shown.flatMap(({ element, usage: { amperes }, imbalance }) => {
    const known = phaseNames.some((phase) => amperes[phase]?.p95 !== undefined);
    const { current } = element.rating;
    if (!known || current === undefined || element.kind === "rack") return [];
    const limit = shownRating(current * element.derate, "A");
    const cell = (phase: Phase): string => {
      if (!element.phases.includes(phase)) return "";
      const used = amperes[phase]?.p95;
      return used === undefined ? unknown : shownRating(used, "A");
    };
    const percent = imbalance === undefined ? "" : `${Math.round(100 * imbalance)} %`;
    return [[element.id, ...phaseNames.map(cell), limit, percent]];
  });
  if (rows.length === 0) return [];
  return [renderTable(["p95 of phases", ...phaseNames, "may last", "unbalanced"], rows)];
}

function notes(shown: readonly ElementCapacity[], onPaper: readonly string[]): readonly string[] {
  const assumed = new Set(shown.flatMap(({ usage }) => usage.assumed));
  const byWhat = Map.groupBy(assumed, (text) => text.slice(text.indexOf(": ") + 2));
  const lines = [...byWhat].map(([what, all]) => {
    const names = all.map((text) => text.slice(0, text.indexOf(": ")));
    return `Assumed, as no meter says it: ${what} (${few(names)}).`;
  });
  if (onPaper.length > 0) {
    lines.unshift(
      `Too little data, so as on paper in failures and in what is stranded: ${few(onPaper)}.`,
    );
  }
  return lines.length === 0 ? [] : [lines.join("\n")];
}

/** Null where something is not known: a machine must not take it for 0. */
export function elementJson(one: ElementCapacity): unknown {
  const { element, usage, use, headroom, failover, imbalance, stranded, forecast, room } = one;
  const { power, apparent, current } = element.rating;
  const amperes = Object.entries(usage.amperes).map(([phase, stat]) => [phase, statJson(stat)]);
  return {
    element: element.id,
    kind: element.kind,
    ratedWatts: ratedWatts(element, 1) ?? null,
    deratedWatts: ratedWatts(element, element.derate) ?? null,
    rated: { w: power ?? null, va: apparent ?? null, a: current ?? null, derate: element.derate },
    basis: usage.basis ?? null,
    by: usage.by,
    missing: usage.missing,
    assumed: usage.assumed,
    watts: statJson(usage.watts),
    voltAmperes: statJson(usage.voltAmperes),
    amperes: Object.fromEntries(amperes),
    limit: use ?? null,
    headroom: headroom ?? null,
    failover: failover === undefined ? null : { ...failover, failure: failed(failover.failure) },
    imbalance: imbalance ?? null,
    stranded: stranded ?? null,
    forecast: forecast ?? null,
    room: room === undefined ? null : roomJson(room),
  };
}

function statJson({ now, p95, peak, coverage }: Stat): unknown {
  return { now: now ?? null, p95: p95 ?? null, peak: peak ?? null, coverage };
}

export function roomJson({ watts: left, by }: Room): unknown {
  const failure = by?.failure;
  const stop = by && { ...by, failure: failure === undefined ? null : failed(failure) };
  return { watts: left ?? null, by: stop ?? null };
}

function failed({ kind, name }: Failure): unknown {
  return { kind, name };
}
