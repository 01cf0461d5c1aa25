/**
 * One instrument's sentences as readings: what it says in several sentences is gathered into one
 * reading a span of time, the newest of each value.
 */
import type { Clock, Fault, Point } from "../../telemetry/index.ts";
import { withRangeQuality } from "../../telemetry/index.ts";
import type { Heard, Trace } from "../contract.ts";
import type { Understood } from "../transport/hearing.ts";
import { Pace } from "../transport/hearing.ts";
import type { NmeaOptions, TransducerField } from "./options.ts";
import type { Cut, Sentence } from "./sentence.ts";
import type { Value } from "./values.ts";
import { exact, readers, transducersOf } from "./values.ts";

/** Faults told with one reading at most. */
const maxFaults = 8;

/** How high in rank a field was ever heard: no relative wind from one that knows the true. */
type Ranks = Map<string, number>;

export function nmeaEar(
  options: NmeaOptions,
  clock: Clock,
  heard: (heard: Heard) => void,
): (cut: Cut) => Understood {
  const { channel, every, talkers } = options;
  const xdr: ReadonlyMap<string, TransducerField> = new Map(Object.entries(options.xdr));
  const pace = new Pace(clock, every);
  const ranks: Ranks = new Map();
  /** Bounded by the fields of two measurements. */
  const gathered = new Map<string, Value>();
  let faults: Fault[] = [];
  const tell = (): void => {
    if (gathered.size === 0 || !pace.due()) return;
    const values = [...gathered.values()];
    gathered.clear();
    heard({
      reading: { points: pointsOf(values, channel), faults },
      traces: values.map((value) => traceOf(value, channel)),
    });
    faults = [];
  };
  return ({ sentences, broken }) => {
    for (let left = broken; left > 0 && faults.length < maxFaults; left -= 1) {
      faults.push({ code: "E_DEVICE_FRAME", at: "sentence" });
    }
    const mine = sentences.filter(({ talker }) => talkers?.includes(talker) ?? true);
    for (const sentence of mine) {
      for (const value of valuesOf(sentence, xdr)) gather(value, gathered, ranks);
      tell();
    }
    if (mine.length > 0) return "said";
    return sentences.length > 0 ? "other" : "noise";
  };
}

function gather(value: Value, gathered: Map<string, Value>, ranks: Ranks): void {
  const key = `${value.measurement} ${value.field}`;
  if (value.rank < (ranks.get(key) ?? 0)) return;
  ranks.set(key, value.rank);
  gathered.set(key, value);
}

function valuesOf(sentence: Sentence, xdr: ReadonlyMap<string, TransducerField>): Value[] {
  if (sentence.type !== "XDR") {
    const read = readers.get(sentence.type);
    return read === undefined ? [] : read(sentence).filter((value) => value !== undefined);
  }
  return transducersOf(sentence).flatMap(({ type, name, value, raw, number }) => {
    const known = xdr.get(`${type}:${name}`) ?? xdr.get(name);
    if (known === undefined) return [];
    const { measurement, field, scale } = known;
    const at = `XDR ${type}:${name} ${number}`;
    // What the user names counts over what is guessed.
    return [{ measurement, field, value: exact(value * scale), at, raw, rank: 3 }];
  });
}

function pointsOf(values: readonly Value[], channel: string): Point[] {
  const byMeasurement = Map.groupBy(values, ({ measurement }) => measurement);
  return [...byMeasurement].map(([measurement, values]) => {
    const fields = Object.fromEntries(values.map(({ field, value }) => [field, value]));
    const tags = { sensor: channel };
    return { measurement, tags, fields: withRangeQuality(measurement, fields) };
  });
}

function traceOf({ measurement, field, at, raw }: Value, channel: string): Trace {
  return { measurement, channel, field, at, raw };
}
