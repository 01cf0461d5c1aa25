/** The shelves of a hub, each once for what it picks. Limits: `maxShelves`, `longestShelf`. */
import type { Group } from "../groups.ts";
import type { AlertPick, Shelf } from "./acts.ts";
import { isPicked, maxShelves, refused } from "./acts.ts";

/** The longest that alerts can be shelved. @unit ms */
const longestShelf = 30 * 86_400_000;
/** Tags by which alerts may be picked. */
const maxTags = 16;

export class Shelves {
  readonly #byRule = new Map<string, Map<string, Shelf>>();
  #size = 0;

  constructor(kept: readonly Shelf[] = []) {
    for (const shelf of kept.slice(0, maxShelves)) this.#set(shelf);
  }

  get all(): readonly Shelf[] {
    return [...this.#byRule.values()].flatMap((shelves) => [...shelves.values()]);
  }

  /** Puts alerts on a shelf, or gives theirs another end. @throws E_ALERT_ACT */
  add(shelf: Shelf): void {
    const { at, until, where } = shelf;
    if (!(until > at)) throw refused("a shelf ends later than now");
    if (until - at > longestShelf) throw refused("a shelf lasts 30 days at most");
    if (Object.keys(where).length > maxTags) throw refused(`at most ${maxTags} tags`);
    const known = this.#byRule.get(shelf.rule)?.has(keyOf(shelf)) ?? false;
    if (!known && this.#size >= maxShelves)
      throw refused(`there are ${maxShelves} shelves already`);
    this.#set(shelf);
  }

  /** Ends a shelf; undefined when there is none for just these alerts. */
  remove(pick: AlertPick): Shelf | undefined {
    const shelves = this.#byRule.get(pick.rule);
    const shelf = shelves?.get(keyOf(pick));
    if (shelf !== undefined && shelves?.delete(keyOf(pick)) === true) this.#size -= 1;
    return shelf;
  }

  /** Ends those whose time is over. */
  expire(now: number): readonly Shelf[] {
    const over = this.all.filter(({ until }) => until <= now);
    for (const shelf of over) this.remove(shelf);
    return over;
  }

  /** When the next one ends. @unit ms since 1970-01-01 UTC */
  get nextEnd(): number {
    return this.all.reduce((next, { until }) => Math.min(next, until), Number.POSITIVE_INFINITY);
  }

  /** The shelf that an alert is on: of several the one that ends last. */
  of(group: Group): Shelf | undefined {
    let found: Shelf | undefined;
    for (const shelf of this.#byRule.get(group.rule.id)?.values() ?? []) {
      if (shelf.until > (found?.until ?? 0) && isPicked(shelf, group)) found = shelf;
    }
    return found;
  }

  #set(shelf: Shelf): void {
    const shelves = this.#byRule.get(shelf.rule) ?? new Map<string, Shelf>();
    const before = shelves.size;
    this.#byRule.set(shelf.rule, shelves.set(keyOf(shelf), shelf));
    this.#size += shelves.size - before;
  }
}

function keyOf({ where }: AlertPick): string {
  return JSON.stringify(Object.entries(where).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
