/**
 * The table of `npu-smi info`, which is drawn for people: each chip has two lines, under two lines
 * of headings, and a table of processes follows. Headings differ by product: cards without HBM have
 * no such column, cards with two chips name a second number beside the first.
 *
 *   | NPU   Name      | Health       | Power(W)  Temp(C)          Hugepages-Usage(page)|
 *   | Chip  Phy-ID    | Bus-Id       | AICore(%) Memory-Usage(MB) HBM-Usage(MB)        |
 *   +=================+==============+=================================================+
 *   | 0     Ascend910 | OK           | 182.0     36               0    / 0             |
 *   | 0     0         | 0000:9D:00.0 | 0         0    / 0         3402 / 65536         |
 *
 * Strict: a line with another number of values than its heading is told and not guessed at.
 */

/** Chips of one machine: more is no such table. */
const maxChips = 128;

export interface Chip {
  readonly npu: string;
  readonly chip: string;
  readonly health: string;
  /** By heading, `Power(W)` …: what stands there. */
  readonly values: ReadonlyMap<string, string>;
}

export interface Table {
  /** Whether there were headings at all. */
  readonly isTable: boolean;
  readonly chips: readonly Chip[];
  /** Lines that do not fit their headings. */
  readonly strange: readonly string[];
}

interface Headings {
  upper: readonly string[];
  lower: readonly string[];
}

export function readTable(output: string): Table {
  const headings: Headings = { upper: [], lower: [] };
  const chips: Chip[] = [];
  const strange: string[] = [];
  let upper: readonly string[] | undefined;
  for (const line of output.split("\n")) {
    const cells = cellsOf(line);
    const [left = ""] = cells;
    // Under this stand processes.
    if (/^NPU\s+Chip\b/.test(left)) break;
    if (cells.length !== 3 || takeHeading(headings, cells)) continue;
    const isUpper = /^\d+\s+[A-Za-z]|^\d+\s+\S*[A-Za-z]/.test(left);
    if (isUpper) upper = cells;
    if (isUpper || chips.length >= maxChips) continue;
    const chip = upper === undefined ? undefined : chipOf(headings, upper, cells);
    if (chip === undefined) strange.push(lineOf(upper ?? [], cells));
    else chips.push(chip);
    upper = undefined;
  }
  return { isTable: headings.upper.length > 0, chips, strange };
}

/** The two lines of a chip, for a message. */
function lineOf(upper: readonly string[], lower: readonly string[]): string {
  return [...upper, ...lower].join(" | ").replaceAll(/ {2,}/g, " ").slice(0, 200);
}

function takeHeading(headings: Headings, [left = "", , right = ""]: readonly string[]): boolean {
  if (/^NPU\s+Name\b/.test(left)) headings.upper = right.split(/\s+/);
  else if (/^Chip\b/.test(left)) headings.lower = right.split(/\s+/);
  else return false;
  return true;
}

function chipOf(
  headings: Headings,
  [npuName = "", health = "", above = ""]: readonly string[],
  [left = "", , below = ""]: readonly string[],
): Chip | undefined {
  const npu = /^(\d{1,5})\s/.exec(npuName)?.[1];
  const chip = /^(\d{1,3})(?:\s+(?:\d{1,5}|NA|-))?$/.exec(left)?.[1];
  const upper = valuesOf(headings.upper, above);
  const lower = valuesOf(headings.lower, below);
  if (npu === undefined || chip === undefined || upper === undefined || lower === undefined) {
    return undefined;
  }
  return { npu, chip, health, values: new Map([...upper, ...lower]) };
}

/** Values under their headings; a pair like `3402 / 65536` is one value. */
function valuesOf(
  headings: readonly string[],
  text: string,
): readonly (readonly [string, string])[] | undefined {
  const values = text.replaceAll(/ *\/ */g, "/").split(/\s+/);
  if (headings.length === 0 || values.length !== headings.length) return undefined;
  return headings.map((heading, index) => [heading, values[index] ?? ""] as const);
}

function cellsOf(line: string): string[] {
  const text = line.trim();
  if (!text.startsWith("|") || !text.endsWith("|") || text.length > 1000) return [];
  return text
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}
