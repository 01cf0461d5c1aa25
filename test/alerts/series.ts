/**
 * Series of a golden case, in the shorthand of Prometheus' rule tests: `a` a value, `_` none,
 * `axn` the value and n more of it, `_xn` n times none, `a+bxn` and `a-bxn` the value and n more,
 * each b on. `a!q` gives the row a quality. Beside series a file may say:
 *
 *   interval 30s                            time between values
 *   expect meter1 energy_meter              a device that ought to send
 *   down 2m 4m                              the store answers nothing between these times
 *   restart 3m / crash 3m                   the hub ends in order, or does not, and starts again
 *   thermal.temp_c{device="a", sensor="inlet"} 20 28x5 _ 24
 */
import type { Row } from "./rig.ts";

export interface Sample {
  readonly value: number;
  readonly q: number;
}

export interface Series {
  readonly row: Omit<Row, "fields">;
  readonly field: string;
  readonly samples: readonly (Sample | undefined)[];
}

export interface Script {
  readonly interval: number;
  readonly series: readonly Series[];
  readonly expected: readonly { readonly device: string; readonly measurement: string }[];
  readonly down: readonly (readonly [from: number, to: number])[];
  readonly restarts: ReadonlyMap<number, "restart" | "crash">;
}

export function parseScript(source: string): Script {
  const series: Series[] = [];
  const expected: { device: string; measurement: string }[] = [];
  const down: [number, number][] = [];
  const restarts = new Map<number, "restart" | "crash">();
  let interval = 30_000;
  for (const text of source.split("\n").map((line) => line.trim())) {
    if (text === "" || text.startsWith("#")) continue;
    const [word, first = "", second = ""] = text.split(/\s+/);
    if (word === "interval") interval = timeOf(first);
    else if (word === "expect") expected.push({ device: first, measurement: second });
    else if (word === "down") down.push([timeOf(first), timeOf(second)]);
    else if (word === "restart" || word === "crash") restarts.set(timeOf(first), word);
    else series.push(parseSeries(text));
  }
  return { interval, series, expected, down, restarts };
}

function parseSeries(text: string): Series {
  const parts = /^(\w+)\.(\w+)\{([^}]*)\}\s+(.*)$/.exec(text);
  if (parts === null) throw new Error(`not a series: ${text}`);
  const [, measurement = "", field = "", labels = "", values = ""] = parts;
  const { device = "", rack, zone, ...channel } = labelsOf(labels);
  const place = {
    ...(rack === undefined ? {} : { rack }),
    ...(zone === undefined ? {} : { zone }),
  };
  const samples = values.split(/\s+/).flatMap(samplesOf);
  return { row: { device, measurement, channel, place }, field, samples };
}

function labelsOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/(\w+)="([^"]*)"/g)];
  return Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, value]));
}

function samplesOf(text: string): (Sample | undefined)[] {
  const gap = /^_(?:x(\d+))?$/.exec(text);
  if (gap !== null) return Array.from({ length: Number(gap[1] ?? 1) }, () => undefined);
  const parts = /^(-?[\d.]+)(?:([+-][\d.]+))?(?:x(\d+))?(?:!(\d))?$/.exec(text);
  if (parts === null) throw new Error(`not a value: ${text}`);
  const [, start = "", slope = "0", more = "0", q = "0"] = parts;
  return Array.from({ length: Number(more) + 1 }, (_, i) => ({
    value: Number(start) + Number(slope) * i,
    q: Number(q),
  }));
}

function timeOf(text: string): number {
  const parts = /^(\d+)(s|m|h)$/.exec(text);
  if (parts === null) throw new Error(`not a time: ${text}`);
  const [, number = "", unit = ""] = parts;
  return Number(number) * (unit === "s" ? 1000 : unit === "m" ? 60_000 : 3_600_000);
}
