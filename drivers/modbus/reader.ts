/**
 * Reads spans in as few requests as the device allows, and learns from what it refuses: a block
 * that it refuses is split until the illegal part is found. What is found holds for the session.
 *
 * Requests of one read are bounded: each span costs at most two more than its block.
 */
import type { Clock, Code, Fault } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Span } from "./pdu.ts";
import { ModbusException, placeOf } from "./pdu.ts";
import type { Block, PlanLimits } from "./plan.ts";
import { planReads } from "./plan.ts";

export interface ReadOutcome {
  /** Registers or bits of every span that was read. */
  readonly words: ReadonlyMap<Span, Uint16Array>;
  readonly faults: readonly Fault[];
}

export interface ReaderParts {
  /** @throws ModbusException and what `Line.exchange` throws */
  readonly request: (span: Span, signal: AbortSignal) => Promise<Uint16Array>;
  readonly limits: PlanLimits;
  readonly clock: Clock;
}

/** How long an illegal span is left alone before it is asked for again. @unit ms */
const probeAfter = 15 * 60_000;

/** Illegal spans asked for again in one read, at most. */
const probesPerRead = 1;

/** Failed blocks in a row after which the rest of a read is given up. */
const strikeLimit = 2;

/** Plans kept: one per combination of groups that is asked for. */
const planLimit = 32;

/** Exceptions that mean "not these registers": function, address, value. [MODBUS-AP 7] */
const illegal: ReadonlySet<number> = new Set([1, 2, 3]);
const illegalFunction = 1;

/** A read in progress. */
interface Round {
  readonly words: Map<Span, Uint16Array>;
  readonly faults: Fault[];
  readonly signal: AbortSignal;
  refusal: GatewayError | undefined;
}

export class BlockReader {
  readonly #parts: ReaderParts;
  /** Spans that the device refuses, with the time to ask again; bounded by the profile. */
  readonly #dead = new Map<Span, number>();
  /** Spans that must begin a block; bounded by the profile. */
  readonly #cuts = new Set<Span>();
  readonly #plans = new Map<readonly Span[], readonly Block[]>();

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /**
   * Reads what is wanted. Parts that cannot be read become faults; when nothing can, it throws.
   * @throws what the request that failed threw
   */
  async read(wanted: readonly Span[], signal: AbortSignal): Promise<ReadOutcome> {
    const round: Round = { words: new Map(), faults: [], signal, refusal: undefined };
    const blocks = [...this.plan(wanted), ...this.#probes(wanted)];
    let strikes = 0;
    let code: Code = "E_MODBUS_TIMEOUT";
    for (const block of blocks) {
      try {
        if (strikes < strikeLimit) await this.#readBlock(block, round);
        else round.faults.push({ code, at: placeOf(block) });
      } catch (error) {
        const answered = round.words.size > 0 || round.refusal !== undefined;
        if (!(error instanceof GatewayError) || signal.aborted || !answered) throw error;
        ({ code } = error);
        strikes += 1;
        round.faults.push({ code, at: placeOf(block) });
        continue;
      }
      if (strikes < strikeLimit) strikes = 0;
    }
    round.faults.push(...this.#deadParts(wanted));
    if (round.words.size === 0 && wanted.length > 0) this.#nothing(round);
    return round;
  }

  #nothing({ refusal }: Round): never {
    // A device that refuses everything may just be starting: believe nothing of it.
    this.#dead.clear();
    this.#plans.clear();
    throw refusal ?? new GatewayError("E_MODBUS_EXCEPTION", "the device refuses every register");
  }

  /** The blocks that are read for these spans, as far as is known by now; costs no request. */
  plan(wanted: readonly Span[]): readonly Block[] {
    const known = this.#plans.get(wanted);
    if (known !== undefined) return known;
    const blocks = this.#plan(wanted.filter((span) => !this.#dead.has(span)));
    if (this.#plans.size >= planLimit) this.#plans.clear();
    this.#plans.set(wanted, blocks);
    return blocks;
  }

  /** A plan that reads across no dead span. */
  #plan(spans: readonly Span[]): Block[] {
    const { limits } = this.#parts;
    const dead = [...this.#dead.keys()].map(({ at, count }) => [at, at + count - 1] as const);
    return planReads(spans, { ...limits, forbid: [...limits.forbid, ...dead] }, this.#cuts);
  }

  #probes(wanted: readonly Span[]): Block[] {
    const now = this.#parts.clock.monotonic();
    const due = wanted.filter((span) => (this.#dead.get(span) ?? Infinity) <= now);
    return due.slice(0, probesPerRead).flatMap((span) => planReads([span], this.#parts.limits));
  }

  /** Reads a block, split where it must be; true when the device gave it whole. */
  async #readBlock(block: Block, round: Round): Promise<boolean> {
    let words: Uint16Array;
    try {
      words = await this.#parts.request(block, round.signal);
    } catch (error) {
      if (!(error instanceof ModbusException) || error.verdict === "retry") throw error;
      round.refusal = error;
      await this.#refused(block, error.exception, round);
      return false;
    }
    for (const span of block.wanted) {
      const from = span.at - block.at;
      round.words.set(span, words.subarray(from, from + span.count));
      if (this.#dead.delete(span)) this.#plans.clear();
    }
    return true;
  }

  async #refused(block: Block, exception: number, round: Round): Promise<void> {
    if (!illegal.has(exception)) {
      round.faults.push({ code: "E_MODBUS_EXCEPTION", at: placeOf(block) });
      return;
    }
    if (block.wanted.length === 1 || exception === illegalFunction) {
      const again = this.#parts.clock.monotonic() + probeAfter;
      for (const span of block.wanted) this.#dead.set(span, again);
      this.#plans.clear();
      return;
    }
    const [left, right] = this.#split(block);
    const leftWhole = await this.#readBlock(left, round);
    const rightWhole = await this.#readBlock(right, round);
    const [first] = right.wanted;
    // Both halves are fine alone: the device refuses what lies between them, or the two at once.
    if (leftWhole && rightWhole && first !== undefined) {
      this.#cuts.add(first);
      this.#plans.clear();
    }
  }

  /** Two blocks from one: at its largest hole, else in the middle. */
  #split(block: Block): readonly [Block, Block] {
    const { wanted } = block;
    let where = wanted.length >> 1;
    let largest = 0;
    let end = block.at;
    for (const [index, span] of wanted.entries()) {
      if (index > 0 && span.at - end > largest) {
        largest = span.at - end;
        where = index;
      }
      end = Math.max(end, span.at + span.count);
    }
    return [this.#part(wanted.slice(0, where)), this.#part(wanted.slice(where))];
  }

  #part(wanted: readonly Span[]): Block {
    const [first] = planReads(wanted, this.#parts.limits);
    if (first === undefined) throw new GatewayError("E_BUG", "half of a block holds nothing");
    return first;
  }

  /** Dead spans among the wanted, neighbours as one. */
  #deadParts(wanted: readonly Span[]): Fault[] {
    const dead = wanted.filter((span) => this.#dead.has(span));
    dead.sort((a, b) => a.table.localeCompare(b.table) || a.at - b.at);
    const faults: Fault[] = [];
    let end: Pick<Span, "table" | "at"> | undefined;
    for (const span of dead) {
      const joins = end !== undefined && end.table === span.table && span.at <= end.at;
      if (!joins) faults.push({ code: "E_MODBUS_EXCEPTION", at: placeOf(span) });
      const reach = Math.max(joins ? (end?.at ?? 0) : 0, span.at + span.count);
      end = { table: span.table, at: reach };
    }
    return faults;
  }
}
