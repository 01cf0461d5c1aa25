/**
 * Days to full, ours against least squares of the same days: synthetic racks (day and week cycles,
 * noise, wild days; half of them grow) seen for 28 days, held against the days after. The error is
 * that of the told day against the day on which the daily 95th percentile passes the limit.
 */
import type { Forecast } from "../alerts/index.ts";
import { forecastOf } from "../alerts/index.ts";

const racks = 400;
const seen = 28;
const limit = 8000;
const hours = 24;

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Rack {
  readonly rows: readonly Point[];
  readonly daily: readonly Point[];
  /** Days after the last one seen; undefined: never. */
  readonly truth: number | undefined;
}

function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function rackOf(random: () => number, grows: boolean): Rack {
  const growth = grows ? 20 + random() * 60 : 0;
  const base = 4000 + random() * 1500;
  const cycle = 300 + random() * 700;
  const weekend = random() * 600;
  const clean = (x: number, hour: number): number =>
    base +
    growth * (x + hour / hours) +
    cycle * Math.sin((2 * Math.PI * (hour - 9)) / hours) -
    (x % 7 >= 5 ? weekend : 0);
  const rows: Point[] = [];
  const daily: Point[] = [];
  for (let x = 0; x < seen; x += 1) {
    // A day in twenty a test or an outage spoils.
    const wild = random() < 0.05 ? 0.4 + random() : 1;
    const values = Array.from({ length: hours }, (_, hour) => {
      return (clean(x, hour) + 150 * gauss(random)) * wild;
    });
    rows.push(...values.map((y, hour) => ({ x: x + hour / hours, y })));
    daily.push({ x, y: p95(values) });
  }
  return { rows, daily, truth: grows ? fullAfter(clean) : undefined };
}

function fullAfter(clean: (x: number, hour: number) => number): number {
  const on = (x: number): number => p95(Array.from({ length: hours }, (_, hour) => clean(x, hour)));
  let truth = 0;
  while (on(seen - 1 + truth) < limit) truth += 1;
  return truth;
}

function p95(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(0.95 * (sorted.length - 1))] ?? Number.NaN;
}

/** What a dashboard does: a line of least squares until it meets the limit. */
function leastSquares(rows: readonly Point[]): number | undefined {
  const n = rows.length;
  const mean = (pick: (point: Point) => number): number =>
    rows.reduce((sum, point) => sum + pick(point), 0) / n;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const slope =
    rows.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) /
    rows.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  return slope > 0 ? (limit - y - slope * (seen - 1 - x)) / slope : undefined;
}

function toldBy(forecast: Forecast): number | undefined {
  return forecast.says === "rising" ? forecast.days : forecast.says === "full" ? 0 : undefined;
}

interface Score {
  readonly medianError: number;
  readonly missed: number;
  readonly falseAlarms: number;
}

function scoreOf(all: readonly Rack[], told: readonly (number | undefined)[]): Score {
  const errors: number[] = [];
  let missed = 0;
  let falseAlarms = 0;
  for (const [at, { truth }] of all.entries()) {
    const days = told[at];
    if (truth === undefined) falseAlarms += days === undefined ? 0 : 1;
    else if (days === undefined) missed += 1;
    else errors.push(Math.abs(days - truth) / Math.max(1, truth));
  }
  errors.sort((one, other) => one - other);
  return { medianError: errors[Math.floor(errors.length / 2)] ?? Number.NaN, missed, falseAlarms };
}

export function run(): Promise<unknown> {
  const random = seeded(20_261_125);
  const all = Array.from({ length: racks }, (_, at) => rackOf(random, at % 2 === 0));
  const forecasts = all.map(({ daily }) => forecastOf(daily, limit));
  const ours = scoreOf(all, forecasts.map(toldBy));
  const line = scoreOf(
    all,
    all.map(({ daily }) => leastSquares(daily)),
  );
  const rows = scoreOf(
    all,
    all.map((rack) => leastSquares(rack.rows)),
  );
  const inside = forecasts.filter((one, at) => {
    const truth = all[at]?.truth;
    if (one.says !== "rising" || truth === undefined) return false;
    return one.earliest <= truth && truth <= one.latest;
  }).length;
  const rising = forecasts.filter((one, at) => one.says === "rising" && at % 2 === 0).length;
  process.stderr.write(
    `forecast: median error ${(100 * ours.medianError).toFixed(1)} % of the days to full, ` +
      `${ours.missed} of ${racks / 2} missed, ${ours.falseAlarms} of ${racks / 2} false, ` +
      `${inside} of ${rising} within the interval; least squares of the same days ` +
      `${(100 * line.medianError).toFixed(1)} %, ${line.falseAlarms} false; of all rows ` +
      `${(100 * rows.medianError).toFixed(1)} %, ${rows.falseAlarms} false\n`,
  );
  return Promise.resolve({
    bench: "forecast",
    ours: ours.medianError,
    peer: line.medianError,
    ratio: ours.medianError / line.medianError,
    unit: "median error as a share of the days to full",
    goal: null,
    missed: ours.missed,
    falseAlarms: ours.falseAlarms,
    missedOfPeer: line.missed,
    falseAlarmsOfPeer: line.falseAlarms,
    errorOfAllRows: rows.medianError,
    falseAlarmsOfAllRows: rows.falseAlarms,
    withinInterval: inside / rising,
  });
}
