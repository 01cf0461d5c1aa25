/**
 * Reads spans in as little time as the device allows, and learns from what it refuses: a block
 * that it refuses is split until the illegal part is found (`learned.ts`).
 *
 * Requests of one read are bounded: each span costs at most three more than its block.
 */
import type { Code, Fault } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Timing } from "./cost.ts";
import type { Learned } from "./learned.ts";
import type { AnswerTimes } from "./answer-times.ts";
import type { Span } from "./pdu.ts";
import { ModbusException, placeOf } from "./pdu.ts";
import type { Block, PlanLimits } from "./plan.ts";
import { planBelow, planReads } from "./plan.ts";

export interface ReadOutcome {
  /** Registers or bits of every span that was read. */
  readonly words: ReadonlyMap<Span, Uint16Array>;
  readonly faults: readonly Fault[];
}

export interface ReaderParts {
  /** @throws ModbusException and what `Line.exchange` throws */
  readonly request: (span: Span, signal: AbortSignal) => Promise<Uint16Array>;
  readonly limits: PlanLimits;
  readonly learned: Learned;
  /** What requests cost; whoever sends them keeps it up to date. */
  readonly times: Pick<AnswerTimes, "timing" | "version">;
}

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
  readonly #plans = new Map<readonly Span[], readonly Block[]>();
  /** What was known when the plans were made. */
  #planned = "";

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /**
   * Reads what is wanted. Parts that cannot be read become faults; when nothing can, it throws.
   * @throws what the request that failed threw
   */
  async read(wanted: readonly Span[], signal: AbortSignal): Promise<ReadOutcome> {
    const { learned } = this.#parts;
    const round: Round = { words: new Map(), faults: [], signal, refusal: undefined };
    learned.doubt();
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
    learned.keep();
    return round;
  }

  /** The blocks that are read for these spans, as far as is known by now; costs no request. */
  plan(wanted: readonly Span[]): readonly Block[] {
    const { learned, times } = this.#parts;
    const known = `${learned.version} ${times.version}`;
    if (this.#planned !== known) this.#plans.clear();
    this.#planned = known;
    const made = this.#plans.get(wanted);
    if (made !== undefined) return made;
    const blocks = this.#plan(wanted.filter((span) => !learned.isDead(span)));
    if (this.#plans.size >= planLimit) this.#plans.clear();
    this.#plans.set(wanted, blocks);
    return blocks;
  }

  #nothing({ refusal }: Round): never {
    this.#parts.learned.forgetDead();
    throw refusal ?? new GatewayError("E_MODBUS_EXCEPTION", "the device refuses every register");
  }

  /** A plan that reads across no dead span and asks for no more than the device gives. */
  #plan(spans: readonly Span[]): Block[] {
    const { limits, learned, times } = this.#parts;
    const cut = (span: Span): boolean => learned.isCut(span);
    const rules = { limits, timing: times.timing, cut, avoid: learned.dead };
    return [...Map.groupBy(spans, ({ table }) => table)].flatMap(([table, spans]) => {
      const ceiling = learned.ceiling(table);
      const limited = Number.isFinite(ceiling.refused);
      return limited ? planBelow(ceiling, spans, rules) : planReads(spans, rules);
    });
  }

  #probes(wanted: readonly Span[]): Block[] {
    const due = this.#parts.learned.due(wanted);
    return due.slice(0, probesPerRead).flatMap((span) => this.#joined([span]));
  }

  /** Reads a block, split where it must be; true when the device gave it whole. */
  async #readBlock(block: Block, round: Round): Promise<boolean> {
    const words = await this.#ask(block, round);
    if (words instanceof ModbusException) {
      round.refusal = words;
      await this.#refused(block, words.exception, round);
      return false;
    }
    for (const span of block.wanted) {
      const from = span.at - block.at;
      round.words.set(span, words.subarray(from, from + span.count));
    }
    return true;
  }

  /** One request, and what is learned from how it went; a refusal is a value. */
  async #ask(block: Block, { signal }: Round): Promise<Uint16Array | ModbusException> {
    const { request, learned } = this.#parts;
    try {
      const words = await request(block, signal);
      learned.answered(block, block.wanted);
      return words;
    } catch (error) {
      if (error instanceof ModbusException && error.verdict !== "retry") return error;
      const silent = error instanceof GatewayError && error.code === "E_MODBUS_TIMEOUT";
      if (silent) learned.silent(block.wanted);
      throw error;
    }
  }

  async #refused(block: Block, exception: number, round: Round): Promise<void> {
    const { learned } = this.#parts;
    if (!illegal.has(exception)) {
      round.faults.push({ code: "E_MODBUS_EXCEPTION", at: placeOf(block) });
      return;
    }
    if (block.wanted.length === 1 || exception === illegalFunction) {
      learned.missing(block.wanted);
      return;
    }
    const where = seamOf(block);
    const left = block.wanted.slice(0, where);
    const right = block.wanted.slice(where);
    const leftWhole = await this.#readHalf(left, round);
    const rightWhole = await this.#readHalf(right, round);
    const [first] = right;
    if (!leftWhole || !rightWhole || first === undefined) return;
    // Both halves are fine alone: it refuses what lies between them, or the two at once.
    const crosses = await this.#crosses({ block, edge: edgeOf(left), first }, round);
    if (crosses === true) learned.tooLong(block);
    if (crosses === false) learned.barredBefore(first);
  }

  /** Reads half of a refused block; true when the device gave all of it. */
  async #readHalf(wanted: readonly Span[], round: Round): Promise<boolean> {
    let whole = true;
    for (const block of this.#joined(wanted))
      whole = (await this.#readBlock(block, round)) && whole;
    return whole;
  }

  /** Whether it reads across the seam of two halves when asked for less; undefined: unknown. */
  async #crosses({ block, edge, first }: Seam, round: Round): Promise<boolean | undefined> {
    if (block.count <= this.#parts.learned.ceiling(block.table).accepted) return false;
    const [across, ...more] = this.#joined([edge, first]);
    if (across === undefined || more.length > 0 || across.count >= block.count) return false;
    try {
      const words = await this.#ask(across, round);
      if (!(words instanceof ModbusException)) return true;
      return illegal.has(words.exception) ? false : undefined;
    } catch (error) {
      // What was wanted has been read: that this went unanswered takes nothing away.
      if (!(error instanceof GatewayError) || round.signal.aborted) throw error;
      return undefined;
    }
  }

  /** In as few blocks as the profile allows: one, for what was one. */
  #joined(wanted: readonly Span[]): Block[] {
    return planReads(wanted, { limits: this.#parts.limits, timing: joining });
  }

  /** Dead spans among the wanted, neighbours as one. */
  #deadParts(wanted: readonly Span[]): Fault[] {
    const dead = wanted.filter((span) => this.#parts.learned.isDead(span));
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

/** Where two halves of a refused block meet. */
interface Seam {
  readonly block: Block;
  /** Of the first half the span that reaches farthest. */
  readonly edge: Span;
  /** Where the second half begins. */
  readonly first: Span;
}

/** How many of a block's spans make its first half: it ends at the largest hole, or half-way. */
function seamOf({ at, wanted }: Block): number {
  let where = wanted.length >> 1;
  let largest = 0;
  let end = at;
  for (const [index, span] of wanted.entries()) {
    if (index > 0 && span.at - end > largest) {
      largest = span.at - end;
      where = index;
    }
    end = Math.max(end, span.at + span.count);
  }
  return where;
}

function edgeOf(wanted: readonly Span[]): Span {
  return wanted.reduce((far, span) => {
    return span.at + span.count > far.at + far.count ? span : far;
  });
}

/** Requests cost and bytes do not. */
const joining: Timing = {
  character: 0,
  framing: 0,
  gap: 0,
  silence: 0,
  think: 1,
  thinkPerByte: 0,
  way: 0,
};
