/**
 * Series in few characters, after the rule tests of Prometheus:
 *
 *   20        a value                      20x4      the value and four more of it: five rows
 *   _         no row                       _x3       three times no row
 *   21+0.5x3  21 21.5 22 22.5              9-2x2     9 7 5
 *   20!2      the row has quality 2        20x4!2    each of the rows has
 *
 * Words are separated by spaces. Limits: `maxSamples` samples of one series, numbers as JSON
 * writes them, qualities 0 to 4.
 */

/** A row's value and quality. */
export interface Sample {
  readonly value: number;
  readonly q: number;
}

/** The most samples of one series: a week of minutes fits ten times. */
export const maxSamples = 100_000;

/** A mistake, with the word that holds it. */
export interface BadWord {
  readonly problem: string;
}

export type Shorthand = readonly (Sample | undefined)[];

const number = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?`;
const unsigned = number.replace("-?", "");
const gapWord = /^_(?:x(\d{1,6}))?$/;
const valueWord = new RegExp(
  `^(${number})(?:([+-])(${unsigned})(?=x))?(?:x(\\d{1,6}))?(?:!([0-4]))?$`,
);

/** The samples of a series, or what is wrong with it. */
export function parseSamples(text: string): Shorthand | BadWord {
  const samples: (Sample | undefined)[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const run = runOf(word);
    if (run === undefined) return { problem: `"${shown(word)}" is no value; ${forms}` };
    if (run.length + samples.length > maxSamples) {
      return { problem: `more than ${maxSamples} samples; take a longer interval` };
    }
    for (let i = 0; i < run.length; i += 1) {
      const sample = run.at(i);
      if (sample !== undefined && !Number.isFinite(sample.value)) {
        return { problem: `"${shown(word)}" leaves the numbers there are` };
      }
      samples.push(sample);
    }
  }
  return samples;
}

/** The shortest words for samples; `parseSamples` gives the same back. */
export function formatSamples(samples: Shorthand): string {
  const words: string[] = [];
  for (let from = 0; from < samples.length;) {
    const first = samples[from];
    let to = from + 1;
    while (to < samples.length && isSame(samples[to], first)) to += 1;
    const count = to - from;
    if (first === undefined) words.push(count === 1 ? "_" : `_x${count}`);
    else words.push(`${first.value}${count === 1 ? "" : `x${count - 1}`}${mark(first)}`);
    from = to;
  }
  return words.join(" ");
}

const forms = "write 20, 20x4, 21+0.5x3, 20!2, _ or _x3";

interface Run {
  readonly length: number;
  at(index: number): Sample | undefined;
}

function runOf(word: string): Run | undefined {
  const gap = gapWord.exec(word);
  if (gap !== null) return { length: Number(gap[1] ?? 1), at: () => undefined };
  const parts = valueWord.exec(word);
  if (parts === null) return undefined;
  const [, start = "", sign = "+", slope = "0", more = "0", q = "0"] = parts;
  const rise = Number(slope) * (sign === "-" ? -1 : 1);
  return {
    length: Number(more) + 1,
    at: (index) => ({ value: rounded(Number(start) + rise * index), q: Number(q) }),
  };
}

/** Sums of decimals, as a person would add them: 0.1 + 0.2 is 0.3. */
function rounded(value: number): number {
  // Plus zero: a ramp that ends at -0 ends at 0.
  return Number(value.toPrecision(15)) + 0;
}

function isSame(a: Sample | undefined, b: Sample | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.value === b.value && a.q === b.q;
}

function mark({ q }: Sample): string {
  return q === 0 ? "" : `!${q}`;
}

function shown(word: string): string {
  return word.length > 40 ? `${word.slice(0, 40)}…` : word;
}
