/**
 * What is told beside the elements: cooling, energy, accelerators; as tables for people and as JSON
 * for machines.
 */
import type { Accelerators, Cooling, Indices, Level, Terms } from "../alerts/index.ts";
import type { SiteCapacity } from "../alerts/index.ts";
import { energyJson, energyText } from "./pue-text.ts";
import { renderTable } from "./table.ts";

type Figures = Pick<SiteCapacity, "cooling" | "energy" | "accelerators">;

/** What stands where nothing is known. */
const unknown = "?";

/** Most racks that are told one by one. */
const mostRows = 60;

export function figuresText({ cooling, energy, accelerators }: Figures): string {
  const parts = [...coolingTables(cooling), ...ledgerTables(accelerators), energyText(energy)];
  return parts.join("\n\n");
}

function coolingTables({ places, units }: Cooling): readonly string[] {
  const tables: string[] = [];
  if (places.some(({ intakes }) => intakes > 0)) {
    const head = ["air into", "class", "intakes", "warmest", "RCI high", "RCI low", "of the time"];
    const more = ["not recommended", "not allowable", "RTI"];
    const rows = places
      .filter(({ intakes }) => intakes > 0)
      .map((one) => [
        one.element.id,
        one.element.ashrae,
        `${one.speaking} of ${one.intakes}`,
        shown(one.warmest, "°C"),
        indexText(one.now, "hi"),
        indexText(one.now, "lo"),
        one.mean === undefined
          ? unknown
          : `${indexText(one.mean, "hi")}, ${indexText(one.mean, "lo")}`,
        shareText(one.outRecommended),
        shareText(one.outAllowable),
        one.rti === undefined ? "" : `${Math.round(one.rti)} %`,
      ]);
    tables.push(renderTable([...head, ...more], rows.slice(0, mostRows)));
  }
  if (units.length > 0) {
    const head = ["cooler", "in", "medium", "supply", "return", "difference", "mean"];
    const rows = units.map(({ name, place, medium, supply, back, difference }) => [
      name,
      place,
      medium,
      shown(supply.now, "°C"),
      shown(back.now, "°C"),
      shown(difference.now, "K"),
      shown(difference.mean, "K"),
    ]);
    tables.push(renderTable(head, rows.slice(0, mostRows)));
  }
  return tables;
}

function ledgerTables({ cards, places }: Accelerators): readonly string[] {
  if (places.length === 0) return [];
  const names = ["offline", "unknown", "capped", "throttled", "idle", "delivered"] as const;
  const rows = places.flatMap(({ element, cards: count, all }) => {
    const row = (what: string, whole: string, terms: Terms): string[] => [
      what,
      String(count),
      whole,
      ...names.map((name) => (terms.whole === 0 ? unknown : shareText(terms[name] / terms.whole))),
    ];
    return [
      row(element.id, energyOf(all.energy.whole), all.energy),
      row("", `${Math.round(all.time.whole)} h`, all.time),
    ];
  });
  const table = renderTable(["accelerators", "cards", "whole", ...names], rows.slice(0, mostRows));
  const unrated = cards.filter(({ nameplate }) => nameplate === undefined).length;
  const mute = cards.filter(({ saysWhy }) => !saysWhy).length;
  const notes = [
    ...(unrated === 0 ? [] : [`Without a nameplate, so in the hours alone: ${unrated} cards.`]),
    ...(mute === 0 ? [] : [`Say not why they are held back, so that it counts as idle: ${mute}.`]),
  ];
  return [[table, ...notes].join("\n")];
}

function energyOf(wattHours: number): string {
  return `${Number((wattHours / 1000).toPrecision(3))} kWh`;
}

function shown(value: number | undefined, unit: string): string {
  return value === undefined ? unknown : `${value.toFixed(1)} ${unit}`;
}

function indexText(of: Indices | undefined, side: keyof Indices): string {
  return of === undefined ? unknown : `${Math.round(of[side])} %`;
}

function shareText(share: number | undefined): string {
  return share === undefined ? unknown : `${(100 * share).toFixed(1)} %`;
}

/** Null where something is not known: a machine must not take it for 0. */
export function figuresJson({ cooling, energy, accelerators }: Figures): object {
  return {
    ...energyJson(energy),
    cooling: {
      places: cooling.places.map(({ element, ...one }) => ({
        place: element.id,
        kind: element.kind,
        class: element.ashrae,
        ...one,
        warmest: one.warmest ?? null,
        coldest: one.coldest ?? null,
        now: one.now ?? null,
        mean: one.mean ?? null,
        outRecommended: one.outRecommended ?? null,
        outAllowable: one.outAllowable ?? null,
        rise: one.rise ?? null,
        rti: one.rti ?? null,
      })),
      units: cooling.units.map(({ supply, back, difference, ...unit }) => ({
        ...unit,
        supply: levelJson(supply),
        return: levelJson(back),
        difference: levelJson(difference),
      })),
    },
    accelerators: {
      places: accelerators.places.map(({ element, ...one }) => ({
        place: element.id,
        kind: element.kind,
        ...one,
      })),
      cards: accelerators.cards.map(({ nameplate, ...one }) => ({
        ...one,
        nameplate: nameplate ?? null,
      })),
    },
  };
}

function levelJson({ now, mean }: Level): object {
  return { now: now ?? null, mean: mean ?? null };
}
