/** What one page of an exporter holds of the series that somebody asked for. */
import type { Labels, Where } from "./conditions.ts";
import type { Slices } from "./slices.ts";

/** One line of a page: a series and its newest value. */
export interface Series {
  /** One object for all series of a page with the same labels in the same order. */
  readonly labels: Labels;
  readonly value: number;
  /** The value as it stood there. */
  readonly raw: string;
  /** When the exporter measured, where it says so. @unit ms since 1970-01-01 UTC */
  readonly time: number | undefined;
}

/** Series by the name of their samples. */
export type Families = ReadonlyMap<string, readonly Series[]>;

export interface PageFacts {
  readonly families: Families;
  readonly lines: number;
  /** Lines that are samples, wanted or not. */
  readonly samples: number;
  /** Lines of wanted series that are none. */
  readonly damaged: number;
  /** The first of them, from 1. */
  readonly damagedAt: number | undefined;
  /** Wanted series beyond what a page may have. */
  readonly dropped: number;
  /** Whether it ended with `# EOF`. */
  readonly ended: boolean;
}

export class Page {
  readonly facts: PageFacts;
  /** Label → value → series; made for labels by which devices share a page. */
  readonly #split = new Map<string, ReadonlyMap<string, Families>>();

  constructor(facts: PageFacts) {
    this.facts = facts;
  }

  /**
   * The series that can satisfy these conditions: those of one value when one label has a single
   * plain one, so that hundreds of devices may share one page. The rest is checked as ever.
   */
  async select(where: Where, slices: Slices): Promise<Families> {
    for (const [label, [value = "", ...more]] of Object.entries(where)) {
      if (more.length > 0 || value === "" || /[!*]/.test(value)) continue;
      const split = this.#split.get(label) ?? (await splitBy(this.facts.families, label, slices));
      this.#split.set(label, split);
      return split.get(value) ?? noFamilies;
    }
    return this.facts.families;
  }
}

const noFamilies: Families = new Map();

async function splitBy(
  families: Families,
  label: string,
  slices: Slices,
): Promise<ReadonlyMap<string, Families>> {
  const split = new Map<string, Map<string, Series[]>>();
  for (const [name, all] of families) {
    if (slices.over) await slices.rest();
    for (const series of all) {
      const value = series.labels.get(label);
      if (value === undefined) continue;
      const part = split.get(value) ?? new Map<string, Series[]>();
      const list = part.get(name) ?? [];
      list.push(series);
      part.set(name, list);
      split.set(value, part);
    }
  }
  return split;
}
