/**
 * What a device is: asks it for its texts (function 43/14) and for the registers that profiles
 * know products by, then whether the likeliest profile gives values that can be. Reads only.
 *
 * On a serial line the texts come last, when the registers have not told: most meters keep silent
 * about function 43, and some lose the next request over it (a libmodbus slave takes half of the
 * frame and the other half for the beginning of what follows, until half a second has passed).
 */
import type { Candidate, Certainty } from "../identify.ts";
import { bySureness, candidatesOf, certainties, questionsOf, weighed } from "../identify.ts";
import type { Span } from "../pdu.ts";
import { decodeDeviceId, decodeReadReply, encodeRead, placeOf } from "../pdu.ts";
import type { ModbusProfile } from "../profile.ts";
import { walkChain } from "../sunspec/chain.ts";
import type { Seen } from "./plausible.ts";
import { looked, looksOf } from "./plausible.ts";
import type { Wire } from "./wire.ts";
import { exceptionIn } from "./wire.ts";

/** One thing that a device was asked, and what came of it. */
export interface Asked {
  /** `holding 0xfc02 ×1`, `function 43`. */
  readonly at: string;
  /** `0070`, `exception 2`, `no answer`. */
  readonly gave: string;
}

export interface Identity {
  /** Texts of function 43/14, by object number. */
  readonly objects: Readonly<Record<string, string>>;
  /** The surest first. */
  readonly candidates: readonly Candidate[];
  /** All that was asked, for who goes on from here. */
  readonly asked: readonly Asked[];
}

export interface IdentifyParts {
  readonly wire: Wire;
  readonly unit: number;
  /** @unit ms */
  readonly timeout: number;
  readonly profiles: readonly ModbusProfile[];
  readonly signal: AbortSignal;
  /** Whether it is asked for its texts before its registers, or after. */
  readonly texts: "first" | "last";
}

/** Silence that a device needs to forget half a frame. @unit ms */
const forgetting = 600;

/** Questions in a row without an answer after which a device is left alone. */
const silentLimit = 3;

/** Candidates whose values are looked at. */
const mostCandidates = 3;

/** Rounds of function 43 for one category: a device with endless texts is cut short. */
const idRounds = 8;

const basic = 1;
const regular = 2;
/** Number of the first text that only regular devices have. */
const firstRegular = 3;
const illegalFunction = 1;

/** @throws E_DISCONNECTED */
export async function identifyUnit(parts: IdentifyParts): Promise<Identity> {
  const asking = new Asking(parts);
  const { profiles, texts } = parts;
  if (texts === "first") await asking.askTexts();
  for (const span of questionsOf(profiles)) {
    if (asking.isCertain() || asking.silentInRow >= silentLimit) break;
    await asking.read(span);
    await asking.look(["certain", "likely"]);
  }
  if (!asking.isCertain()) await asking.walkModels();
  if (texts === "last" && !asking.isCertain()) await asking.askTexts();
  await asking.look(certainties);
  return {
    objects: asking.objects(),
    candidates: asking.candidates(),
    asked: asking.asked,
  };
}

/** One device being asked. */
class Asking {
  readonly asked: Asked[] = [];
  silentInRow = 0;
  readonly #parts: IdentifyParts;
  readonly #words = new Map<string, Uint16Array>();
  readonly #texts = new Map<number, string>();
  #models: readonly number[] = [];
  /** What values said of a profile, by its id. */
  readonly #seen = new Map<string, readonly Seen[]>();
  /** Tables whose function the device does not know. */
  readonly #without = new Set<string>();

  constructor(parts: IdentifyParts) {
    this.#parts = parts;
  }

  known(span: Span): { readonly words: Uint16Array; readonly at: string } | undefined {
    for (const place of [span, sibling(span)]) {
      const words = this.#words.get(keyOf(place));
      if (words !== undefined) return { words, at: placeOf(place) };
    }
    return undefined;
  }

  objects(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#texts);
  }

  candidates(): Candidate[] {
    const { profiles, unit } = this.#parts;
    const objects = this.#texts.size > 0 ? this.#texts : undefined;
    const answers = { unit, objects, words: (span: Span) => this.known(span) };
    const byModels = profiles.flatMap((profile) => modelCandidate(profile, this.#models) ?? []);
    const found = [...byModels, ...candidatesOf(profiles, answers)].map((candidate) => {
      const seen = this.#seen.get(candidate.profile) ?? [];
      return seen.reduce((sum, { fact, plausible }) => weighed(sum, fact, plausible), candidate);
    });
    return found.toSorted(bySureness);
  }

  /** Whether it is a SunSpec device, and with which models. [SUNSPEC 6.1] */
  async walkModels(): Promise<void> {
    const blocks = await walkChain(async (span) => {
      if (this.silentInRow < silentLimit) await this.read(span);
      return this.known(span)?.words;
    });
    this.#models = blocks?.map(({ model }) => model) ?? [];
  }

  isCertain(): boolean {
    return this.candidates()[0]?.certainty === "certain";
  }

  /** The texts of function 43/14: basic, then regular. [MODBUS-AP 6.21] */
  async askTexts(): Promise<void> {
    for (const category of [basic, regular]) {
      let next: number | undefined = category === basic ? 0 : firstRegular;
      for (let round = 0; next !== undefined && round < idRounds; round += 1) {
        const pdu = await this.#ask("function 43", Uint8Array.of(0x2b, 0x0e, category, next));
        if (pdu === undefined) break;
        const id = idOf(pdu);
        for (const [object, text] of id?.objects ?? []) this.#texts.set(object, text);
        next = id?.next;
        // Conformity: 1 basic, 2 regular, 3 extended; the top bit says single objects, too.
        if (category === basic && ((pdu[3] ?? 0) & 0x7f) < regular) return this.#forget();
      }
      if (this.#texts.size === 0) break;
    }
    await this.#forget();
  }

  /** All slaves of a line have heard function 43, not only the one that was asked. */
  async #forget(): Promise<void> {
    const { wire, texts, signal } = this.#parts;
    if (texts === "last") await wire.listen(forgetting, signal);
  }

  async read(span: Span): Promise<void> {
    if (this.known(span) !== undefined) return;
    const place = this.#without.has(span.table) ? sibling(span) : span;
    const pdu = await this.#ask(`${placeOf(place)} ×${place.count}`, encodeRead(place));
    if (pdu !== undefined) {
      const words = wordsIn(place, pdu);
      if (words !== undefined) this.#words.set(keyOf(place), words);
      return;
    }
    const refused = this.asked.at(-1)?.gave === `exception ${illegalFunction}`;
    if (!refused || this.#without.has(span.table)) return;
    this.#without.add(span.table);
    if (!this.#without.has(sibling(span).table)) await this.read(span);
  }

  /** Holds values of the candidates that are this sure against what they can be, once each. */
  async look(sure: readonly Certainty[]): Promise<void> {
    const candidates = this.candidates().slice(0, mostCandidates);
    for (const { profile: id, certainty } of candidates) {
      const profile = this.#parts.profiles.find((one) => one.id === id);
      if (profile === undefined || this.#seen.has(id) || !sure.includes(certainty)) continue;
      this.#seen.set(id, await this.#lookAt(profile));
    }
  }

  async #lookAt(profile: ModbusProfile): Promise<Seen[]> {
    const seen: Seen[] = [];
    for (const look of looksOf(profile)) {
      if (this.silentInRow >= silentLimit) break;
      await this.read(look.span);
      const words = this.#words.get(keyOf(look.span));
      const fact = words && looked(look, words);
      if (fact !== undefined) seen.push(fact);
    }
    return seen;
  }

  /** The answer, or undefined after an exception or silence; damaged ones are asked for again. */
  async #ask(at: string, pdu: Uint8Array): Promise<Uint8Array | undefined> {
    const { wire, unit, timeout, signal } = this.#parts;
    let gave = "damaged answer";
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const heard = await wire.ask({ unit, pdu, timeout }, signal);
      wire.takeStrays();
      if (heard.kind === "damaged") continue;
      this.silentInRow = heard.kind === "silence" ? this.silentInRow + 1 : 0;
      if (heard.kind === "silence") {
        gave = "no answer";
        break;
      }
      const exception = exceptionIn(heard.pdu);
      gave = exception === undefined ? hexOf(heard.pdu.subarray(2)) : `exception ${exception}`;
      this.asked.push({ at, gave });
      return exception === undefined ? heard.pdu : undefined;
    }
    this.asked.push({ at, gave });
    return undefined;
  }
}

/** A profile of a family of models that the device has. */
function modelCandidate(
  { id, header }: ModbusProfile,
  models: readonly number[],
): Candidate | undefined {
  const wanted = new Set(Object.values(header.models ?? {}).flat());
  if (!models.some((model) => wanted.has(model))) return undefined;
  const evidence = [`SunSpec models ${models.join(", ")}`];
  return { profile: id, certainty: "certain", evidence, doubts: [] };
}

/** The same place in the table that some makers use instead. */
function sibling(span: Span): Span {
  if (span.table === "input") return { ...span, table: "holding" };
  return span.table === "holding" ? { ...span, table: "input" } : span;
}

function keyOf({ table, at, count }: Span): string {
  return `${table} ${at} ${count}`;
}

function wordsIn(span: Span, pdu: Uint8Array): Uint16Array | undefined {
  try {
    return decodeReadReply(span, pdu);
  } catch {
    return undefined;
  }
}

function idOf(pdu: Uint8Array): ReturnType<typeof decodeDeviceId> | undefined {
  try {
    return decodeDeviceId(pdu);
  } catch {
    return undefined;
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
