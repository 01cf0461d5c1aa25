/** A binary heap: what goes before all else is at hand, however much waits. */
export class Heap<T> {
  readonly #before: (one: T, other: T) => boolean;
  readonly #items: T[] = [];

  constructor(before: (one: T, other: T) => boolean) {
    this.#before = before;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent];
      if (above === undefined || !this.#before(item, above)) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  /** Takes the first out. */
  pop(): T | undefined {
    const items = this.#items;
    const [first] = items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = items[2 * at + 1];
      const right = items[2 * at + 2];
      const goesRight = left !== undefined && right !== undefined && this.#before(right, left);
      const least = goesRight ? right : left;
      if (least === undefined || !this.#before(least, last)) break;
      items[at] = least;
      at = goesRight ? 2 * at + 2 : 2 * at + 1;
    }
    items[at] = last;
    return first;
  }

  /** Takes all out, in no order. */
  drain(): T[] {
    return this.#items.splice(0);
  }
}
