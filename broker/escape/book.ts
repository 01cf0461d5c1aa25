/** What became of each try, by user and kind. */
import type { Kind } from "./tries.ts";
import { kinds } from "./tries.ts";
import type { Words } from "./wire.ts";

/** A message, or a connection, that a user had and may not have. */
export interface Leak {
  readonly user: string;
  readonly kind: Kind;
  /** What was tried. */
  readonly tried: string;
  /** What came of it: the topic that was heard or reached, or what was entered. */
  readonly got: string;
}

export interface EscapeRow {
  readonly user: string;
  readonly kind: Kind;
  tries: number;
  /** The hub said no, ended the connection, or took a publish and let it reach nobody. */
  refused: number;
  leaks: number;
}

/** Leaks shown one by one; all are counted. */
const shownMost = 1000;

export class Book {
  readonly #rows = new Map<string, EscapeRow>();
  readonly #leaks = new Map<string, Leak>();
  leaked = 0;

  get rows(): readonly EscapeRow[] {
    return [...this.#rows.values()].toSorted(
      (a, b) => a.user.localeCompare(b.user) || kinds.indexOf(a.kind) - kinds.indexOf(b.kind),
    );
  }

  get leaks(): readonly Leak[] {
    return [...this.#leaks.values()];
  }

  tried(user: string, kind: Kind, refused: boolean): void {
    const row = this.#row(user, kind);
    row.tries += 1;
    if (refused) row.refused += 1;
  }

  /** One try leaks once, however much came of it. `done`: a publish, which was called refused. */
  leak(
    { user, kind, tried, got }: Omit<Leak, "tried"> & { readonly tried: Words },
    done = false,
  ): void {
    const shown = printable(tried);
    const key = `${user} ${kind} ${shown}`;
    if (this.#leaks.has(key)) return;
    if (this.#leaks.size < shownMost) {
      this.#leaks.set(key, { user, kind, tried: shown, got: printable(got) });
    }
    const row = this.#row(user, kind);
    row.leaks += 1;
    if (done) row.refused -= 1;
    this.leaked += 1;
  }

  #row(user: string, kind: Kind): EscapeRow {
    const key = `${user}\n${kind}`;
    const row = this.#rows.get(key) ?? { user, kind, tries: 0, refused: 0, leaks: 0 };
    this.#rows.set(key, row);
    return row;
  }
}

/** @unit characters */
const longest = 120;

/** In one line of ASCII: what was tried may do things to a terminal. */
function printable(words: Words): string {
  const text = JSON.stringify(words.toString()).slice(1, -1);
  const plain = text.replace(
    /[^\x20-\x7e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return plain.length > longest ? `${plain.slice(0, longest)}…` : plain;
}
