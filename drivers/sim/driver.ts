/**
 * The simulated device: seeded waveforms for any measurement of the register, a demo without
 * hardware and the blueprint of a driver. A driver is four things, and nothing else:
 *
 *   options  what a device may be given in the configuration, each with its sentence
 *   busKey   which wire it uses: devices with equal keys take turns
 *   open     a session that needs no waiting
 *   read     points and faults; throws only when nothing could be read
 *
 * It never schedules, retries, logs success or publishes: the agent does (drivers/contract.ts).
 * Limits: `maxPoints` points a poll, which is what one message may carry.
 */
import { duration, option, text, v, whole } from "../../config/index.ts";
import {
  fieldFacts,
  GatewayError,
  invariant,
  limits,
  measurementEntry,
  measurements,
  quality,
  sleep,
} from "../../telemetry/index.ts";
import type { Clock, Point, Reading, Tags } from "../../telemetry/index.ts";
import type { Origin, Session, Target, Trace } from "../contract.ts";
import { defineDriver } from "../contract.ts";
import type { Wave } from "./waveform.ts";
import { dice, hash, waveform } from "./waveform.ts";

const maxPoints = limits.points;
const names = Object.keys(measurements);

const options = {
  seed: option(v.optional(whole(0, 2 ** 32 - 1), 1), {
    about: "Another seed gives other values; the same seed gives the same for ever.",
    example: 7,
  }),
  measurement: option(v.optional(v.picklist(names, "is not in the register"), "rack_phase"), {
    about: "What kind of device part is simulated: a measurement of the register.",
    example: "pdu_outlet",
  }),
  points: option(v.optional(whole(1, maxPoints), 3), {
    about: "How many channels (phases, outlets, sensors …) it has.",
    example: 24,
  }),
  fields: option(v.optional(v.pipe(v.array(text), v.minLength(1, "name at least one field"))), {
    about: "Fields to give; without it all of the measurement that are numbers.",
  }),
  fail: option(v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0), {
    about: "Share of polls that fail as if the device were away, from 0 to 1.",
    example: 0.1,
  }),
  wire: option(v.optional(text), {
    about: "Devices with the same name here take turns, as on one wire; usually none do.",
    example: "line-1",
  }),
  delay: option(v.optional(duration, "0ms"), {
    about: "How long the device takes to answer.",
    example: "200ms",
  }),
};

const parse = v.pipe(
  v.strictObject(options),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { measurement, fields = [] } = dataset.value;
    for (const field of fields.filter((name) => !isNumber(measurement, name))) {
      addIssue({ message: `${measurement} has no number ${field}` });
    }
  }),
);

type SimOptions = v.InferOutput<typeof parse>;

/** The driver `sim`. */
export const simDriver = defineDriver({
  name: "sim",
  about: "Simulated devices: seeded, believable values for any measurement.",
  options,
  parse,
  create: ({ clock }) => ({
    // Nothing is shared unless asked for, so each device is a wire of its own.
    busKey: ({ id, options }) => `sim:${options.wire ?? id}`,
    open: (target) => Promise.resolve(new SimSession(target, clock)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
});

/** One row of the simulated device, with a wave for each of its fields. */
interface Row {
  readonly tags: Tags | undefined;
  readonly channel: string;
  readonly waves: readonly (readonly [field: string, wave: Wave])[];
}

class SimSession implements Session {
  readonly groups = [{ name: "all", every: undefined }];
  readonly #id: string;
  readonly #options: SimOptions;
  readonly #clock: Clock;
  readonly #rows: readonly Row[];
  /** Aborts when the session is closed, so that a read under way ends with it. */
  readonly #ended = new AbortController();

  constructor(target: Target<SimOptions, unknown>, clock: Clock) {
    this.#id = target.id;
    this.#options = target.options;
    this.#clock = clock;
    this.#rows = rowsOf(target.id, target.options);
  }

  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    const { delay, fail, seed } = this.#options;
    const ended = this.#ended.signal;
    if (delay > 0) await sleep(this.#clock, delay, AbortSignal.any([signal, ended]));
    if (signal.aborted || ended.aborted) {
      throw new GatewayError("E_DISCONNECTED", `${this.#id}: the reading was cancelled`);
    }

    const time = this.#clock.now();
    if (fail > 0 && dice(hash(`${this.#id} fail`, seed), time) < fail) {
      throw new GatewayError("E_CONNECT", `${this.#id}: away, as option fail=${fail} asks`);
    }
    if (!groups.includes("all")) return { points: [], faults: [] };
    return { points: this.#rows.map((row) => this.#point(row, time, trace)), faults: [] };
  }

  #point({ tags, channel, waves }: Row, time: number, trace?: (trace: Trace) => void): Point {
    const { measurement } = this.#options;
    const fields: Record<string, number> = {};
    for (const [field, wave] of waves) {
      const value = wave(time);
      fields[field] = value;
      trace?.({ measurement, channel, field, at: "waveform", raw: String(value) });
    }
    // Waves stay within the register's ranges (a test proves it), so no value needs a look.
    fields["q"] = quality.good;
    return tags === undefined ? { measurement, fields } : { measurement, tags, fields };
  }

  origin(): Origin {
    const { measurement, seed } = this.#options;
    const sources = this.#rows.flatMap(({ channel, waves }) =>
      waves.map(([field]) => ({ measurement, channel, field, at: "waveform", form: { seed } })),
    );
    return { endpoint: {}, sources };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    return Promise.resolve();
  }
}

/** All that does not change from poll to poll. */
function rowsOf(id: string, { seed, measurement, points, fields }: SimOptions): Row[] {
  const entry = measurementEntry(measurement);
  invariant(entry !== undefined, `measurement ${measurement} passed the options unseen`);
  const all = Object.keys(entry.fields).filter((name) => isNumber(measurement, name));
  const names = fields ?? all;
  // Without a channel tag a second row would be the same series again.
  const count = entry.channel === undefined ? 1 : points;
  return Array.from({ length: count }, (_, index): Row => {
    const channel = channelName(entry.channel, index + 1);
    const key = `${id} ${channel}`;
    return {
      channel,
      tags: entry.channel === undefined ? undefined : { [entry.channel]: channel },
      waves: names.map((field) => [field, waveform(field, key, seed)]),
    };
  });
}

function channelName(channel: string | undefined, number: number): string {
  if (channel === undefined) return "";
  return channel === "phase" ? `L${number}` : String(number);
}

function isNumber(measurement: string, field: string): boolean {
  const facts = fieldFacts(measurement, field);
  return facts !== undefined && facts.type !== "text";
}
