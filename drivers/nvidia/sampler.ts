/**
 * One running nvidia-smi for all polls: it is started at the first, prints all cards every `sample`
 * and hands over the newest. Which columns it knows is asked at every start, so that an upgrade
 * under way changes no more than one start. One that stalls is killed and started again; a card
 * that makes the whole command fail is left out of the next start, and tried again after a while.
 */
import type { Clock, Timer } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { saidIn } from "../cards.ts";
import type { RunProgram } from "../transport/program.ts";
import { columnsToAsk, knownNames } from "./columns.ts";
import type { LostCard, Round } from "./rounds.ts";
import { lostIn, Rounds } from "./rounds.ts";
import type { LineStream, OpenStream, StreamEnd } from "./stream.ts";

/** Starts within one read: each time the tool told what to leave out. */
const maxStarts = 24;
/** A card that was left out is tried again after this. @unit ms */
const lostFor = 600_000;
/** A round that lacks a card is whole after this, or after half a sample. @unit ms */
const together = 1000;

export interface SamplerParts {
  readonly program: string;
  /** @unit ms */
  readonly sample: number;
  /** @unit ms */
  readonly timeout: number;
  readonly clock: Pick<Clock, "after" | "monotonic">;
  readonly run: RunProgram;
  readonly open: OpenStream;
  /** Called for every round, read or not. @unit ms of the monotonic clock */
  readonly heard: (round: Round, at: number) => void;
  /** All cards seen, for a start that leaves one out. */
  readonly cards: () => readonly SeenCard[];
}

/** Who a card is, as the tool tells it. */
export interface SeenCard {
  readonly index: string;
  readonly uuid: string;
  readonly bus: string;
}

/** The package that has the tool, for the message when it is missing. */
export const toolPackage = "nvidia-utils";

type Outcome = { readonly kind: "round"; readonly round: Round } | Ended;

interface Ended {
  readonly kind: "ended";
  readonly end: StreamEnd;
  readonly said: string;
  /** The next start can do better. */
  readonly learned: boolean;
}

interface Running {
  readonly stream: LineStream;
  readonly rounds: Rounds;
  gap: Timer | undefined;
  worked: boolean;
  /** When it printed last. @unit ms */
  at: number;
}

export class Sampler {
  readonly #parts: SamplerParts;
  readonly #refused = new Set<string>();
  /** Cards left out of the command, by bus address, and since when. */
  readonly #lost = new Map<string, { readonly since: number; readonly why: string }>();
  #running: Running | undefined;
  #newest: { readonly round: Round; readonly at: number } | undefined;
  #waiting: ((outcome: Outcome) => void) | undefined;
  /** How it ended while nobody waited: some end before their start is through. */
  #over: Ended | undefined;

  constructor(parts: SamplerParts) {
    this.#parts = parts;
  }

  /**
   * The newest round that was not handed over yet and is no older than one sample, or the next.
   * @throws E_PROGRAM_MISSING, E_PROGRAM, E_DEVICE_TIMEOUT, E_DISCONNECTED
   */
  async next(signal: AbortSignal): Promise<Round> {
    if (this.#isStalled() || this.#mayBeBack()) await this.close();
    for (let start = 0; start < maxStarts; start += 1) {
      this.#over = undefined;
      if (this.#running === undefined) await this.#start(signal);
      const outcome = this.#fresh() ?? this.#over ?? (await this.#wait(signal));
      if (outcome.kind === "round") return this.#withLost(outcome.round);
      if (!outcome.learned) throw this.#failure(outcome);
    }
    throw new GatewayError("E_PROGRAM", `${this.#parts.program}: refused ${maxStarts} starts`);
  }

  /** Ends what runs. */
  async close(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    this.#newest = undefined;
    running?.gap?.cancel();
    await running?.stream.close();
  }

  #fresh(): Outcome | undefined {
    const newest = this.#newest;
    this.#newest = undefined;
    if (newest === undefined) return undefined;
    const age = this.#parts.clock.monotonic() - newest.at;
    return age > this.#parts.sample ? undefined : { kind: "round", round: newest.round };
  }

  #isStalled(): boolean {
    const { clock, sample, timeout } = this.#parts;
    const silent = clock.monotonic() - (this.#running?.at ?? clock.monotonic());
    return silent > Math.max(3 * sample, timeout);
  }

  /** Whether a card was left out for so long that it is tried again. */
  #mayBeBack(): boolean {
    const now = this.#parts.clock.monotonic();
    const old = [...this.#lost].filter(([, { since }]) => now - since > lostFor);
    for (const [card] of old) this.#lost.delete(card);
    return old.length > 0;
  }

  /** @throws E_PROGRAM_MISSING, E_PROGRAM, E_DISCONNECTED */
  async #start(signal: AbortSignal): Promise<void> {
    const { program, run, timeout, clock, sample, open } = this.#parts;
    const args = ["--help-query-gpu"];
    const help = await run({ program, args, timeout, package: toolPackage }, signal);
    // Whoever closes us gives the reading up first: nothing may be started after that.
    if (signal.aborted) throw new GatewayError("E_DISCONNECTED", `${program}: was given up`);
    const known = knownNames(help.output);
    if (help.exit !== 0 || known.size === 0) {
      const said = saidIn(help.output, help.said);
      throw new GatewayError("E_PROGRAM", `${program} ended with ${help.exit}: ${said}`);
    }
    let running: Running | undefined;
    const columns = columnsToAsk(known, this.#refused);
    const rounds = new Rounds(columns, (round) => {
      if (running !== undefined) running.worked = true;
      this.#hear(round);
    });
    const query = [`--query-gpu=${columns.join(",")}`, "--format=csv,noheader,nounits"];
    const call = { program, args: [...query, ...this.#others(), "-lms", `${sample}`] };
    const line = (text: string): void => {
      if (running === undefined || running !== this.#running) return;
      running.at = clock.monotonic();
      rounds.accept(text);
      running.gap?.cancel();
      const wait = Math.min(sample / 2, together);
      running.gap = rounds.begun ? clock.after(wait, () => rounds.finish()) : undefined;
    };
    const end = (end: StreamEnd): void => {
      if (running !== this.#running) return;
      // What has come of the last round is dropped: a card it lacks is not gone.
      running?.gap?.cancel();
      this.#running = undefined;
      // One that has worked may have been upgraded, or killed: that costs no reading.
      const learned = this.#learn(`${rounds.said} ${end.said}`) || running?.worked === true;
      const outcome: Ended = { kind: "ended", end, said: rounds.said, learned };
      if (this.#waiting === undefined) this.#over = outcome;
      else this.#waiting(outcome);
    };
    const stream = open({ ...call, package: toolPackage }, { line, end });
    running = { stream, rounds, gap: undefined, worked: false, at: clock.monotonic() };
    this.#running = running;
  }

  /** `-i` with the cards that can be asked, when one makes the whole command fail. */
  #others(): string[] {
    if (this.#lost.size === 0) return [];
    const lost = [...this.#lost.keys()];
    const others = this.#parts.cards().filter((card) => !lost.some((name) => isCard(card, name)));
    return others.length === 0 ? [] : ["-i", others.map(({ uuid }) => uuid).join(",")];
  }

  #hear(round: Round): void {
    const at = this.#parts.clock.monotonic();
    this.#parts.heard(round, at);
    const waiting = this.#waiting;
    if (waiting === undefined) this.#newest = { round, at };
    else waiting({ kind: "round", round });
  }

  /** @throws E_DEVICE_TIMEOUT, E_DISCONNECTED */
  #wait(signal: AbortSignal): Promise<Outcome> {
    const { clock, sample, timeout, program } = this.#parts;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#waiting = undefined;
        timer.cancel();
        signal.removeEventListener("abort", giveUp);
        settle();
      };
      const giveUp = (): void => {
        const why = `${program}: the reading was given up`;
        end(() => reject(new GatewayError("E_DISCONNECTED", why)));
      };
      const timer = clock.after(timeout + sample, () => {
        const why = `${program} printed nothing for ${(timeout + sample) / 1000} s; ended`;
        const late = new GatewayError("E_DEVICE_TIMEOUT", why);
        end(() => void this.close().finally(() => reject(late)));
      });
      this.#waiting = (outcome) => end(() => resolve(outcome));
      signal.addEventListener("abort", giveUp, { once: true });
      if (signal.aborted) giveUp();
    });
  }

  /** Whether the next start can do better, by what this one said. */
  #learn(words: string): boolean {
    const refused = /Field "([\w.]{1,80})" is not a valid field/.exec(words)?.[1];
    if (refused !== undefined && !this.#refused.has(refused)) {
      this.#refused.add(refused);
      return true;
    }
    const lost = lostIn(words);
    if (lost === undefined || this.#lost.has(lost.card)) return false;
    if (!this.#parts.cards().some((card) => isCard(card, lost.card))) return false;
    this.#lost.set(lost.card, { since: this.#parts.clock.monotonic(), why: lost.why });
    return true;
  }

  #withLost(round: Round): Round {
    const left = [...this.#lost].map(([card, { why }]): LostCard => ({ card, why }));
    return { ...round, lost: [...round.lost, ...left] };
  }

  #failure({ end, said }: Ended): GatewayError {
    if (end.error !== undefined) return end.error;
    const words = saidIn(said, end.said) || "it said nothing";
    const how = end.exit === undefined ? "was ended" : `ended with ${end.exit}`;
    return new GatewayError("E_PROGRAM", `${this.#parts.program} ${how}: ${words}`);
  }
}

/** Whether a card is the one that a message names by its number or its bus address. */
export function isCard({ index, bus }: SeenCard, name: string): boolean {
  return name === index || sameBus(name, bus);
}

/** `0000:3B:00.0` and `00000000:3B:00.0` are one place. */
function sameBus(one: string, other: string): boolean {
  return bareBus(one) === bareBus(other);
}

function bareBus(bus: string): string {
  return bus.toLowerCase().replace(/^0*(?=[0-9a-f]{4}:)/, "");
}
