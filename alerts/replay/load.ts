/**
 * How busy alerts would have kept people, after EEMUA 191 and ISA-18.2 (IEC 62682): alarms per ten
 * minutes and operator, of which one is acceptable, and a flood begins above ten; a flood should
 * be there less than 1 % of the time. Chattering: one alert three times within a minute; fleeting
 * readings of minutes show the same fault later, so that flapping counts an hour.
 */
import type { Tags } from "../../telemetry/index.ts";
import type { Episode } from "./episodes.ts";

/** @unit ms */
const tenMinutes = 600_000;
/** More in ten minutes are a flood. */
const floodAbove = 10;
const often = 3;
/** @unit ms */
const minute = 60_000;
/** @unit ms */
const hour = 3_600_000;

export interface AlarmLoad {
  readonly alerts: number;
  /** Windows of ten minutes, the last one included. */
  readonly windows: number;
  readonly meanPerTenMinutes: number;
  readonly peakPerTenMinutes: number;
  /** When the fullest window began. @unit ms since 1970-01-01 UTC */
  readonly peakAt: number | undefined;
  /** Share of windows with more than ten alerts. */
  readonly floodShare: number;
}

export interface Flapping {
  readonly rule: string;
  readonly tags: Tags;
  readonly times: number;
  /** The most firings within an hour. */
  readonly mostPerHour: number;
  /** Three firings within a minute. */
  readonly chattering: boolean;
}

/** Alarm load over a stretch of time; windows begin with it. @unit ms since 1970-01-01 UTC */
export function alarmLoad(episodes: readonly Episode[], from: number, to: number): AlarmLoad {
  const windows = Math.max(1, Math.ceil((to - from) / tenMinutes));
  const counts = new Map<number, number>();
  for (const { since } of episodes) {
    const window = Math.min(windows - 1, Math.max(0, Math.floor((since - from) / tenMinutes)));
    counts.set(window, (counts.get(window) ?? 0) + 1);
  }
  let peak = 0;
  let peakAt: number | undefined;
  let floods = 0;
  for (const [window, count] of counts) {
    if (count > floodAbove) floods += 1;
    if (count <= peak) continue;
    peak = count;
    peakAt = from + window * tenMinutes;
  }
  return {
    alerts: episodes.length,
    windows,
    meanPerTenMinutes: episodes.length / windows,
    peakPerTenMinutes: peak,
    peakAt,
    floodShare: floods / windows,
  };
}

/** Alerts that fired three times or more within an hour, the worst first. */
export function flappingOf(episodes: readonly Episode[]): readonly Flapping[] {
  const byAlert = Map.groupBy(episodes, ({ rule, tags }) => JSON.stringify([rule, tags]));
  const found = [...byAlert.values()].flatMap((same): Flapping[] => {
    const [first] = same;
    const times = same.map(({ since }) => since);
    const mostPerHour = mostWithin(times, hour);
    if (first === undefined || mostPerHour < often) return [];
    const chattering = mostWithin(times, minute) >= often;
    const { rule, tags } = first;
    return [{ rule, tags, times: same.length, mostPerHour, chattering }];
  });
  return found.toSorted((a, b) => b.mostPerHour - a.mostPerHour || b.times - a.times);
}

/** The most of sorted times that lie less than `span` apart. */
function mostWithin(times: readonly number[], span: number): number {
  let from = 0;
  let most = 0;
  for (const [index, time] of times.entries()) {
    while (time - (times[from] ?? time) >= span) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}
