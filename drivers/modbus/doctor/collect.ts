/**
 * The examination of a line: listens, then asks each unit for few and for many registers, after a
 * silence and right behind a reply. Only reads, and never more than its bounds say:
 *
 *   listening      `listen`, and the silences between requests
 *   per unit       3 requests when it is silent, else 14 rounds, 28 when something is wrong
 *   with `deep`    other speeds and parities, for units that did not answer
 */
import type { Clock, Code } from "../../../telemetry/index.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import type { Span } from "../pdu.ts";
import { frameSilence } from "../rtu.ts";
import { characterTime } from "../../transport/timing.ts";
import type { AskerParts } from "./asking.ts";
import { Asker } from "./asking.ts";
import type { Evidence, LineSettings, OtherSettings, Trial } from "./evidence.ts";
import type { Judged } from "./judge.ts";
import { judge } from "./judge.ts";

export interface UnitToAsk {
  readonly unit: number;
  /** Registers known to be there; undefined: they are looked for. */
  readonly span?: Span | undefined;
}

export interface Examination extends Omit<AskerParts, "signal" | "clock"> {
  readonly settings: LineSettings | undefined;
  readonly units: readonly UnitToAsk[];
  /** @unit ms */
  readonly timeout: number;
  /** @unit ms */
  readonly listen: number;
  readonly deep: boolean;
  readonly latencyTimer: number | undefined;
  /** Says what is being done, for people. */
  readonly progress: (what: string) => void;
}

/** Rounds of a line that answers well, and of one that does not. */
const usualRounds = 14;
const mostRounds = 28;

/** Requests after which a unit that gave no byte is asked no more. */
const silenceLimit = 3;

/** Silence that lets any device get ready again. @unit ms */
const longPause = 130;
/** Pauses differ, so that what comes on a grid shows. @unit ms */
const pauseStep = 7;
const pauseSpread = 23;

/** A silent unit is watched for this many timeouts more, to see answers that come too late. */
const latePatience = 1.5;

/** Settings tried by `deep`, and how long each may take to answer. @unit ms */
const speeds = [9600, 19_200, 38_400, 115_200, 57_600, 4800, 2400, 1200] as const;
const parities = ["none", "even", "odd"] as const;
const deepTimeout = 400;
const deepUnits = 3;

/** What a unit is asked for. */
interface Plan {
  readonly unit: number;
  short: Span;
  long: Span;
  trials: Trial[];
}

/** Examines a line; what keeps it from opening is evidence too. */
export async function collect(
  examination: Examination,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Evidence> {
  const { settings } = examination;
  const character = settings === undefined ? 0 : characterTime(settings);
  const asker = new Asker({ ...examination, clock, signal }, settings, character);
  const round = new Rounds(examination, asker, signal);
  try {
    await round.run();
    return round.evidence(undefined);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return round.evidence({ code: error.code, message: error.message });
  } finally {
    await asker.close();
  }
}

class Rounds {
  readonly #examination: Examination;
  readonly #asker: Asker;
  readonly #signal: AbortSignal;
  readonly #plans: readonly Plan[];
  readonly #character: number;
  readonly #gap: number;
  readonly #frame: Parameters<typeof judge>[1];
  readonly #judged = new WeakMap<Trial, Judged>();
  #others: OtherSettings[] = [];
  #count = 0;

  constructor(examination: Examination, asker: Asker, signal: AbortSignal) {
    const { settings, units } = examination;
    this.#examination = examination;
    this.#asker = asker;
    this.#signal = signal;
    this.#character = settings === undefined ? 0 : characterTime(settings);
    this.#frame = { ...examination, character: this.#character };
    this.#gap = settings === undefined ? 0 : frameSilence(settings.baud, this.#character);
    this.#plans = units.map(({ unit, span }) => ({
      unit,
      short: { ...(span ?? firstRegister), count: Math.min(2, span?.count ?? 1) },
      long: span ?? firstRegister,
      trials: [],
    }));
  }

  async run(): Promise<void> {
    const { listen, progress, units, deep, wire } = this.#examination;
    if (wire === "serial") await this.#listen();
    for (const [index, plan] of this.#plans.entries()) {
      progress(`asking unit ${plan.unit}`);
      if (units[index]?.span === undefined) await this.#discover(plan);
    }
    // A connection that dies when idle shows after a silence only.
    if (wire !== "serial" && listen > 0) await this.#listen();
    progress("asking for few and for many registers");
    for (let round = 0; round < this.#rounds() && !this.#signal.aborted; round += 1) {
      for (const plan of this.#plans) if (!this.#isDumb(plan)) await this.#round(plan, round);
    }
    if (deep) await this.#deepen();
  }

  evidence(failure: { readonly code: Code; readonly message: string } | undefined): Evidence {
    const { wire, settings, timeout, latencyTimer } = this.#examination;
    return {
      wire,
      settings,
      timeout,
      latencyTimer,
      failure: this.#plans.some(({ trials }) => trials.length > 0) ? undefined : failure,
      character: this.#character,
      listening: { duration: this.#asker.idleTime, chunks: this.#asker.idle },
      trials: this.#plans.flatMap(({ trials }) => trials).toSorted((a, b) => a.at - b.at),
      others: this.#others,
    };
  }

  #judge(trial: Trial): Judged {
    const known = this.#judged.get(trial) ?? judge(trial, this.#frame);
    this.#judged.set(trial, known);
    return known;
  }

  async #listen(): Promise<void> {
    const { listen, progress } = this.#examination;
    if (listen <= 0) return;
    progress(`listening for ${listen / 1000} s`);
    await this.#asker.listen(listen);
  }

  #rounds(): number {
    const all = this.#plans.flatMap(({ trials }) => trials);
    const wrong = all.some((trial) => {
      const { outcome, leading, trailing } = this.#judge(trial);
      return !["ok", "exception", "silent"].includes(outcome) || leading + trailing > 0;
    });
    return wrong ? mostRounds : usualRounds;
  }

  /** No byte ever, often enough. */
  #isDumb({ trials }: Plan): boolean {
    return trials.length >= silenceLimit && trials.every(({ chunks }) => chunks.length === 0);
  }

  async #round(plan: Plan, round: number): Promise<void> {
    const long = round % 2 === 1;
    const pair = round % 4 < 2;
    const first = await this.#ask(plan, { long, quick: false, tail: !pair });
    const answered = this.#judge(first).reply !== undefined;
    if (pair && answered) await this.#ask(plan, { long, quick: true, tail: true });
  }

  async #ask(
    plan: Plan,
    how: { readonly long: boolean; readonly quick: boolean; readonly tail: boolean },
  ): Promise<Trial> {
    const { timeout, wire } = this.#examination;
    const { unit, trials } = plan;
    this.#count += 1;
    const judged = trials.map((trial) => this.#judge(trial));
    const doubtful =
      judged.some(({ outcome }) => outcome === "late") ||
      judged.filter(({ outcome }) => outcome === "silent").length < silenceLimit;
    const trial = await this.#asker.ask({
      ...how,
      unit,
      span: how.long ? plan.long : plan.short,
      pause: how.quick ? this.#gap : longPause + ((this.#count * pauseStep) % pauseSpread),
      timeout,
      patience: doubtful ? timeout * latePatience : 0,
    });
    trials.push(trial);
    // On a network a new connection tells a dead device from a dead connection.
    if (wire !== "serial" && trial.chunks.length === 0) await this.#asker.close();
    return trial;
  }

  /** Looks for registers that can be read, and how many at a time. */
  async #discover(plan: Plan): Promise<void> {
    for (const span of whereToLook) {
      plan.short = span;
      plan.long = span;
      let outcome = await this.#outcome(plan);
      // A spoilt reply tells nothing of the register: once more.
      if (outcome !== "ok" && outcome !== "exception") outcome = await this.#outcome(plan);
      if (outcome === "ok") return this.#lengthen(plan);
      if (this.#isDumb(plan)) return;
    }
  }

  async #lengthen(plan: Plan): Promise<void> {
    const { long } = plan;
    for (const count of longCounts) {
      plan.long = { ...long, count };
      if ((await this.#outcome(plan)) === "ok") return;
    }
    plan.long = long;
  }

  async #outcome(plan: Plan): Promise<string> {
    const trial = await this.#ask(plan, { long: plan.long.count > 2, quick: false, tail: true });
    return this.#judge(trial).outcome;
  }

  /** Other settings, those of the given speed first, until somebody answers. */
  async #deepen(): Promise<void> {
    const { settings, progress } = this.#examination;
    const silent = this.#plans.filter(({ trials }) =>
      trials.every((trial) => this.#judge(trial).replies === 0),
    );
    if (settings === undefined || silent.length === 0) return;
    for (const other of otherSettings(settings)) {
      if (this.#signal.aborted) return;
      progress(`trying ${other.baud} ${other.parity}`);
      await this.#asker.change(other, characterTime(other));
      const trials: Trial[] = [];
      for (const plan of silent.slice(0, deepUnits)) trials.push(await this.#askOther(plan));
      this.#others.push({ settings: other, trials });
      if (trials.some((trial) => this.#judge(trial).replies > 0)) return;
    }
  }

  #askOther({ unit, short }: Plan): Promise<Trial> {
    const timeout = Math.min(this.#examination.timeout, deepTimeout);
    const how = { long: false, quick: false, tail: false, pause: longPause, patience: 0 };
    return this.#asker.ask({ ...how, unit, span: short, timeout });
  }
}

const firstRegister: Span = { table: "holding", at: 0, count: 2 };
const whereToLook: readonly Span[] = [
  firstRegister,
  { table: "input", at: 0, count: 2 },
  { table: "holding", at: 1, count: 1 },
  { table: "holding", at: 0, count: 1 },
];
const longCounts = [40, 20, 10] as const;

function otherSettings(given: LineSettings): LineSettings[] {
  const bauds = [given.baud, ...speeds.filter((baud) => baud !== given.baud)];
  return bauds
    .flatMap((baud) => parities.map((parity) => ({ ...given, baud, parity })))
    .filter(({ baud, parity }) => baud !== given.baud || parity !== given.parity);
}
