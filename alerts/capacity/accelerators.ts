/** The ledger of accelerators over time: of each card, each rack, each room and the site. */
import type { Element, Topology } from "../../config/index.ts";
import type { CardWindow, Terms } from "./ledger.ts";
import { addedTerms, energyTerms, noTerms, timeTerms } from "./ledger.ts";
import { byPlace } from "./place.ts";
import type { Frame, Samples } from "./samples.ts";
import { windowsIn } from "./samples.ts";
import type { Steps } from "./steps.ts";

/** What was read of one card, window by window. */
export interface CardSamples {
  readonly device: string;
  readonly card: string;
  readonly place: string;
  /** @unit W */
  readonly power: Samples;
  /** @unit W */
  readonly limit: Samples;
  /** @unit % */
  readonly util: Samples;
  /** Shares of the window. */
  readonly throttled: Samples;
  readonly capped: Samples;
  /** 1 where the card or its machine was reported gone. */
  readonly gone: Samples;
  /** Whether anything says why it is held back; without it what is throttled counts as idle. */
  readonly saysWhy: boolean;
}

/** A ledger twice: in Wh, of cards with a nameplate, and in hours. */
export interface Ledger {
  readonly energy: Terms;
  readonly time: Terms;
}

/** Of the whole time asked for, and of its newest window. */
interface Ledgers {
  readonly all: Ledger;
  readonly newest: Ledger;
}

export interface CardLedger extends Ledgers {
  readonly device: string;
  readonly card: string;
  readonly place: string;
  /** By the topology, else the highest limit that was seen; undefined: neither. @unit W */
  readonly nameplate: number | undefined;
  readonly saysWhy: boolean;
}

export interface PlaceLedger extends Ledgers {
  readonly element: Element;
  readonly cards: number;
  /** Cards without a nameplate: they are in the hours, not in the energy. */
  readonly unrated: number;
}

export interface Accelerators {
  readonly cards: readonly CardLedger[];
  /** Places with a card, the site first. */
  readonly places: readonly PlaceLedger[];
}

const hour = 3_600_000;

/** A card a step. */
export function* acceleratorSteps(
  topology: Topology,
  read: readonly CardSamples[],
  frame: Frame,
): Steps<Accelerators> {
  const cards: CardLedger[] = [];
  for (const card of read) {
    cards.push(ledgerOf(topology, card, frame));
    yield;
  }
  const inside = byPlace(topology, cards);
  const places: PlaceLedger[] = [];
  for (const element of topology.elements.values()) {
    const own = inside.get(element.id);
    if (own === undefined) continue;
    places.push({
      element,
      cards: own.length,
      unrated: own.filter(({ nameplate }) => nameplate === undefined).length,
      all: sumOf(own.map(({ all }) => all)),
      newest: sumOf(own.map(({ newest }) => newest)),
    });
    yield;
  }
  return { cards, places };
}

const nothing: Ledger = { energy: noTerms, time: noTerms };

function sumOf(all: readonly Ledger[]): Ledger {
  return all.reduce(
    (sum, { energy, time }) => ({
      energy: addedTerms(sum.energy, energy),
      time: addedTerms(sum.time, time),
    }),
    nothing,
  );
}

function ledgerOf(topology: Topology, card: CardSamples, frame: Frame): CardLedger {
  const { device, card: name, place, limit, saysWhy } = card;
  const nameplate = topology.element(place).accelerator ?? highest(limit);
  const hours = frame.every / hour;
  let all = nothing;
  let newest = nothing;
  for (let at = 0; at < windowsIn(frame); at += 1) {
    const window = windowAt(card, at);
    const energy = nameplate === undefined ? noTerms : energyTerms(window, { nameplate, hours });
    newest = { energy, time: timeTerms(window, hours) };
    all = sumOf([all, newest]);
  }
  return { device, card: name, place, nameplate, saysWhy, all, newest };
}

function windowAt(card: CardSamples, at: number): CardWindow {
  const of = (samples: Samples): number => samples[at] ?? Number.NaN;
  return {
    power: of(card.power),
    limit: of(card.limit),
    busy: of(card.util) / 100,
    throttled: of(card.throttled),
    capped: of(card.capped),
    isGone: of(card.gone) === 1,
  };
}

function highest(samples: Samples): number | undefined {
  const most = samples.reduce((max, one) => (one > max ? one : max), 0);
  return most > 0 ? most : undefined;
}
