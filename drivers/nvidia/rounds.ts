/**
 * Lines of a streaming `nvidia-smi --query-gpu` as rounds: one row of each card. A round is whole
 * when as many cards have come as there are, when the next begins, or when no more come for a
 * while: a card that is lost has no row.
 *
 * Lines that are no row are what the tool has to say; a card that cannot be opened is told by one:
 *
 *   Unable to determine the device handle for GPU0000:3B:00.0: GPU is lost.  Reboot the system …
 *   Unable to determine the device handle for GPU1: 0000:34:00.0: Unknown Error
 */
import { saidIn } from "../cards.ts";
import type { Cells } from "./columns.ts";

/** Cards of one machine: above this a round is no round. */
const maxCards = 64;
/** Lines of talk remembered. */
const maxTalk = 8;

export interface LostCard {
  /** Bus address as the tool prints it, or its number where that is all it says. */
  readonly card: string;
  readonly why: string;
}

export interface Round {
  readonly cards: readonly Cells[];
  readonly lost: readonly LostCard[];
  /** Rows with another number of cells than columns. */
  readonly broken: number;
}

export class Rounds {
  readonly #columns: readonly string[];
  readonly #whole: (round: Round) => void;
  #cards: Cells[] = [];
  #lost: LostCard[] = [];
  #talk: string[] = [];
  #broken = 0;

  constructor(columns: readonly string[], whole: (round: Round) => void) {
    this.#columns = columns;
    this.#whole = whole;
  }

  /** What the tool said that was no row. */
  get said(): string {
    return saidIn(...this.#talk);
  }

  /** Whether a round has begun and waits for more. */
  get begun(): boolean {
    return this.#cards.length > 0 || this.#lost.length > 0;
  }

  accept(line: string): void {
    if (line.trim() === "") return;
    const cells = line.split(",").map((cell) => cell.trim());
    const isRow = /^\d{1,3}$/.test(cells[0] ?? "") || cells.length > 3;
    if (!isRow) return this.#hear(line);
    const index = Number(cells[1]);
    if (cells.length !== this.#columns.length || !Number.isInteger(index)) {
      this.#broken += 1;
      return;
    }
    const last = Number(this.#cards.at(-1)?.get("index") ?? -1);
    if (index <= last) this.finish();
    this.#cards.push(new Map(this.#columns.map((name, at) => [name, cells[at] ?? ""])));
    const expected = Math.min(maxCards, Number(cells[0])) - this.#lost.length;
    if (this.#cards.length >= expected) this.finish();
  }

  /** Hands over what has come of this round. */
  finish(): void {
    if (!this.begun) return;
    const round = { cards: this.#cards, lost: this.#lost, broken: this.#broken };
    this.#cards = [];
    this.#lost = [];
    this.#broken = 0;
    this.#whole(round);
  }

  #hear(line: string): void {
    this.#talk = [...this.#talk, line].slice(-maxTalk);
    const lost = lostIn(line);
    if (lost === undefined || this.#lost.length >= maxCards) return;
    if (!this.#lost.some(({ card }) => card === lost.card)) this.#lost.push(lost);
  }
}

const lostAtPlace =
  /device handle for GPU ?(?:\d{1,3}: )?([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.\d): (.{1,200})/i;
const lostByNumber = /device handle for GPU ?(\d{1,3}): (.{1,200})/i;

/** The card that a line says cannot be opened. */
export function lostIn(line: string): LostCard | undefined {
  const [, card, why = ""] = lostAtPlace.exec(line) ?? lostByNumber.exec(line) ?? [];
  return card === undefined ? undefined : { card, why: saidIn(why) };
}
