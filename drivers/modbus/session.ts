/**
 * One open Modbus device: which registers make which points.
 */
import type { Clock, Fault, FieldValue, Point, Reading, Tags } from "../../telemetry/index.ts";
import { GatewayError, withRangeQuality } from "../../telemetry/index.ts";
import type { Actuator, Group, Memory, Origin, PlannedRequest, ReadPlan } from "../contract.ts";
import type { Session, Trace } from "../contract.ts";
import { Ahead } from "./ahead.ts";
import { groupName, groupsOf } from "../groups.ts";
import type { Timing } from "./cost.ts";
import { costOf } from "./cost.ts";
import { Counters } from "./counters.ts";
import type { DecodeExtras } from "./field.ts";
import { decodeField, exponentOf } from "./field.ts";
import type { Exchange } from "./exchange.ts";
import { Learned } from "./learned.ts";
import { sourcesOf } from "./origin.ts";
import { AnswerTimes } from "./answer-times.ts";
import type { Span } from "./pdu.ts";
import {
  dataBytes,
  decodeReadReply,
  encodeRead,
  extentOf,
  ModbusException,
  placeOf,
} from "./pdu.ts";
import type { Block } from "./plan.ts";
import type { ModbusProfile, PlacedField, Row } from "./profile.ts";
import { limitsOf, rowsOf } from "./profile.ts";
import type { ReadOutcome } from "./reader.ts";
import { BlockReader } from "./reader.ts";
import { Recall } from "./recall.ts";
import { hexOf } from "./retrace.ts";
import { cancelled } from "../transport/cancelled.ts";
import { actuatorOf } from "./write.ts";

export interface SessionParts {
  readonly profile: ModbusProfile;
  /** Where the device is, for people. */
  readonly endpoint: Origin["endpoint"];
  /** Everything of a request but what it asks for. */
  readonly unit: Omit<Exchange, "pdu">;
  readonly exchange: (exchange: Exchange, signal: AbortSignal) => Promise<Uint8Array>;
  /** How many requests the line would send at once now; one when left out. */
  readonly depth?: (() => number) | undefined;
  /** What a request is taken to cost until the device has answered some. */
  readonly timing: Timing;
  readonly release: () => Promise<void>;
  readonly clock: Clock;
  readonly memory: Memory | undefined;
}

/** What a set of groups takes to read. */
interface Selection {
  readonly rows: readonly Row[];
  readonly spans: readonly Span[];
}

/** Combinations of groups remembered. */
const selectionLimit = 32;

/** Each so many-th probe waits as long as a reading does. */
const patientProbe = 8;

export class ModbusSession implements Session {
  readonly groups: readonly Group[];
  readonly actuator: Actuator | undefined;
  readonly #parts: SessionParts;
  readonly #rows: readonly Row[];
  readonly #ahead: Ahead;
  readonly #times: AnswerTimes;
  readonly #reader: BlockReader;
  readonly #selections = new Map<string, Selection>();
  readonly #counters: Counters;
  readonly #ending = new AbortController();
  /** What is asked to see whether the device is there. */
  readonly #shortest: Span;
  #probes = 0;
  #released: Promise<void> | undefined;

  /** @throws E_PROFILE */
  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#rows = rowsOf(parts.profile);
    this.groups = groupsOf(this.#rows);
    this.#ahead = new Ahead({
      request: (span, signal) => this.#request(span, signal),
      depth: parts.depth ?? (() => 1),
    });
    const { clock, unit } = parts;
    const limits = limitsOf(parts.profile.header);
    const recall = new Recall(parts.memory);
    const spans = spansOf(this.#rows);
    const memory = recall.part("reads");
    this.#times = new AnswerTimes(parts.timing);
    this.#reader = new BlockReader({
      limits,
      learned: new Learned({ spans, limits, unit: unit.unit, clock, memory }),
      times: this.#times,
      request: (span, signal) => this.#ahead.request(span, signal),
    });
    this.#counters = new Counters(this.#rows, recall.part("counters"));
    this.#shortest = shortestOf(spans);
    this.actuator = actuatorOf(parts);
  }

  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    return this.#untilEnd(signal, async (either) => {
      const { rows, spans } = this.#select(groups);
      const blocks = this.#reader.plan(spans);
      const outcome = await this.#ahead.during(blocks, either, (signal) =>
        this.#reader.read(spans, signal),
      );
      const reading = this.#pointsOf(rows, outcome, trace);
      this.#counters.keep();
      return reading;
    });
  }

  async probe(signal: AbortSignal): Promise<void> {
    const { exchange, unit } = this.#parts;
    // Now and then with all its time: it may have become slower than it was.
    this.#probes = (this.#probes + 1) % patientProbe;
    const hurry = this.#probes !== 0;
    await this.#untilEnd(signal, async (either) => {
      const reply = await exchange({ ...unit, hurry, pdu: encodeRead(this.#shortest) }, either);
      try {
        decodeReadReply(this.#shortest, reply);
      } catch (error) {
        // Whatever the device refuses, it is there; what a gateway says of it is another thing.
        if (!(error instanceof ModbusException) || error.ofGateway) throw error;
      }
    });
  }

  origin(): Origin {
    return { endpoint: this.#parts.endpoint, sources: sourcesOf(this.#rows) };
  }

  plan(groups: readonly string[]): ReadPlan {
    const { bus } = this.#parts.endpoint;
    const { serial } = this.#parts.profile.header;
    return {
      requests: this.#reader.plan(this.#select(groups).spans).map((block) => this.#planned(block)),
      unitLoad: bus === undefined ? undefined : (serial?.unitLoad ?? 1),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new GatewayError("E_DISCONNECTED", "the session was closed"));
    this.#released ??= this.#parts.release();
    await this.#released;
  }

  /** Runs until the signal aborts or the session is closed. */
  async #untilEnd<T>(signal: AbortSignal, run: (either: AbortSignal) => Promise<T>): Promise<T> {
    const ending = this.#ending.signal;
    if (ending.aborted) throw cancelled(ending);
    const both = new AbortController();
    const abort = (): void => both.abort(ending.aborted ? ending.reason : signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    ending.addEventListener("abort", abort, { once: true });
    try {
      return await run(both.signal);
    } finally {
      signal.removeEventListener("abort", abort);
      ending.removeEventListener("abort", abort);
    }
  }

  async #request(span: Span, signal: AbortSignal): Promise<Uint16Array> {
    const { exchange, unit, clock } = this.#parts;
    let begun = clock.monotonic();
    const sent = (): void => {
      begun = clock.monotonic();
    };
    const reply = await exchange({ ...unit, sent, pdu: encodeRead(span) }, signal);
    const words = decodeReadReply(span, reply);
    this.#times.note(dataBytes(span), clock.monotonic() - begun);
    return words;
  }

  #planned(block: Block): PlannedRequest {
    const parts = { ...costOf(dataBytes(block), this.#times.timing) };
    const wanted = new Set(block.wanted.flatMap(addressesOf));
    return {
      at: extentOf(block),
      reads: block.count,
      wanted: wanted.size,
      ms: Object.values(parts).reduce((sum, ms) => sum + ms, 0),
      parts,
    };
  }

  #select(groups: readonly string[]): Selection {
    const key = groups.toSorted().join(" ");
    const known = this.#selections.get(key);
    if (known !== undefined) return known;
    const rows = this.#rows.filter((row) => groups.includes(groupName(row.every)));
    const selection = { rows, spans: spansOf(rows) };
    if (this.#selections.size >= selectionLimit) this.#selections.clear();
    this.#selections.set(key, selection);
    return selection;
  }

  #pointsOf(
    rows: readonly Row[],
    { words, faults: refused }: ReadOutcome,
    trace: ((trace: Trace) => void) | undefined,
  ): Reading {
    const points: Point[] = [];
    const faults: Fault[] = [...refused];
    for (const row of rows) {
      const fields: Record<string, FieldValue> = {};
      for (const field of row.fields) {
        const raw = words.get(field.span);
        if (raw === undefined) continue;
        trace?.(traceOf(row, field, raw));
        const value = this.#valueOf(field, { words, faults });
        if (value !== undefined) fields[field.name] = value;
      }
      const point = pointOf(row, fields);
      if (point !== undefined) points.push(point);
    }
    return { points, faults };
  }

  #valueOf(
    field: PlacedField,
    { words, faults }: { readonly words: ReadOutcome["words"]; readonly faults: Fault[] },
  ): FieldValue | undefined {
    const raw = words.get(field.span);
    if (raw === undefined) return undefined;
    try {
      const extras = this.#extrasOf(field, words);
      return extras && decodeField(field.form, raw, extras);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== "E_VALUE") throw error;
      faults.push({ code: error.code, at: placeOf(field.span) });
      return undefined;
    }
  }

  /** What decoding needs besides the registers; undefined when the scale factor is missing. */
  #extrasOf(field: PlacedField, words: ReadOutcome["words"]): DecodeExtras | undefined {
    const unwrapper = this.#counters.unwrapOf(field, this.#parts.clock.now());
    const unwrap = unwrapper === undefined ? {} : { unwrap: unwrapper };
    if (field.exponent === undefined) return unwrap;
    const [word] = words.get(field.exponent) ?? [];
    const exponent = word === undefined ? undefined : exponentOf(word);
    return exponent === undefined ? undefined : { ...unwrap, exponent };
  }
}

/** What must be read for these rows, each place once. */
function spansOf(rows: readonly Row[]): Span[] {
  const spans = new Set<Span>();
  for (const { span, exponent } of rows.flatMap((row) => row.fields)) {
    spans.add(span);
    if (exponent !== undefined) spans.add(exponent);
  }
  return [...spans];
}

function addressesOf({ at, count }: Span): number[] {
  return Array.from({ length: count }, (_, index) => at + index);
}

/** The place that takes the fewest bytes. */
function shortestOf(spans: readonly Span[]): Span {
  const [first = { table: "holding", at: 0, count: 1 }] = spans;
  return spans.reduce((least, span) => (dataBytes(span) < dataBytes(least) ? span : least), first);
}

function pointOf(row: Row, fields: Readonly<Record<string, FieldValue>>): Point | undefined {
  if (Object.keys(fields).length === 0) return undefined;
  const tags: { readonly tags?: Tags } = row.tags === undefined ? {} : { tags: row.tags };
  const { measurement } = row;
  return { measurement, ...tags, fields: withRangeQuality(measurement, fields) };
}

function traceOf(row: Row, field: PlacedField, words: Uint16Array): Trace {
  return {
    measurement: row.measurement,
    channel: row.channel,
    field: field.name,
    at: extentOf(field.span),
    raw: hexOf(words),
  };
}
