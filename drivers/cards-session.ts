/**
 * One machine's cards as a session: the parts of the maker's output are groups of their own, read
 * in order, so that a slow part adds to the rows a quick one has begun. A part that cannot be read
 * is a fault beside the rest; when none can be read it throws.
 */
import type { Reading } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import { CardSheet } from "./cards.ts";
import type { Driver, Group, Origin, Session, Source, Target, Trace } from "./contract.ts";

/** Sources remembered: more than a machine of 16 cards has fields. */
const maxSources = 4000;

export interface CardPart {
  readonly group: Group;
  /** Adds what it reads. @throws GatewayError */
  read(sheet: CardSheet, signal: AbortSignal): Promise<void>;
}

export interface Cards {
  /** For messages: the device and its tool. */
  readonly name: string;
  readonly endpoint: Origin["endpoint"];
  /** In the order in which they are read. */
  readonly parts: readonly CardPart[];
  /** Ends what runs. */
  close(): Promise<void>;
}

export class CardSession implements Session {
  readonly groups: readonly Group[];
  readonly #cards: Cards;
  readonly #ending = new AbortController();
  readonly #sources = new Map<string, Source>();

  constructor(cards: Cards) {
    this.#cards = cards;
    this.groups = cards.parts.map(({ group }) => group);
  }

  /** @throws what the parts throw when none can be read, E_DISCONNECTED */
  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    const ending = AbortSignal.any([signal, this.#ending.signal]);
    const sheet = new CardSheet();
    const failures: { readonly part: string; readonly error: GatewayError }[] = [];
    const parts = this.#cards.parts.filter(({ group }) => groups.includes(group.name));
    for (const part of parts) {
      this.#stopIfEnded(ending);
      try {
        await part.read(sheet, ending);
      } catch (error) {
        this.#stopIfEnded(ending);
        if (!(error instanceof GatewayError)) throw error;
        failures.push({ part: part.group.name, error });
      }
    }
    this.#stopIfEnded(ending);
    const [first] = failures;
    if (first !== undefined && failures.length === parts.length) throw first.error;
    const points = sheet.points((one) => {
      this.#note(one);
      trace?.(one);
    });
    const faults = failures.map(({ part, error }) => {
      return { code: error.code, at: `${part}: ${error.message}` };
    });
    return { points, faults: [...sheet.faults, ...faults] };
  }

  /** What was read so far: cards are found by reading. */
  origin(): Origin {
    return { endpoint: this.#cards.endpoint, sources: [...this.#sources.values()] };
  }

  #note({ measurement, channel, field, at }: Trace): void {
    const key = `${measurement} ${channel} ${field}`;
    if (!this.#sources.has(key) && this.#sources.size >= maxSources) return;
    this.#sources.set(key, { measurement, channel, field, at });
  }

  /** @throws E_DISCONNECTED */
  #stopIfEnded(signal: AbortSignal): void {
    if (!signal.aborted) return;
    throw new GatewayError("E_DISCONNECTED", `${this.#cards.name}: the reading was cancelled`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#cards.close();
  }
}

/** A driver of such sessions: what still runs ends with it. */
export function cardDriver<Options, Parts>(spec: {
  readonly busKey: (options: Options) => string;
  readonly cards: (target: Target<Options, Parts>) => Cards;
}): Driver<Options, Parts> {
  const open = new Set<CardSession>();
  return {
    busKey: ({ options }) => spec.busKey(options),
    open(target) {
      const cards = spec.cards(target);
      const close = async (): Promise<void> => {
        open.delete(session);
        await cards.close();
      };
      const session: CardSession = new CardSession({ ...cards, close });
      open.add(session);
      return Promise.resolve(session);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((session) => session[Symbol.asyncDispose]()));
    },
  };
}
