/**
 * Rolls windows up: the shortest from raw rows, longer ones from the rows of the shorter, exactly.
 * Engine-neutral: it summarizes, scans and writes.
 *
 * Energy is exact over any cut into windows, because each rise between two consecutive good
 * readings is counted once: in the window of the later one. So a window needs the last reading
 * before it, and rows that come late change the window with the next reading after them: it is
 * rolled anew within the same job (docs/decisions/0006-rollups.md).
 */
import type { Clock, Line, RollupWindow } from "../../telemetry/index.ts";
import { isCounter, restartsAtZero, rolledFieldOf, rollupName } from "../../telemetry/index.ts";
import type { Asker, Plan, Reading, Run } from "./gather.ts";
import { Gatherer, planOf, rise } from "./gather.ts";
import type { Job, Level, Marks } from "./marks.ts";
import { hourMs } from "./marks.ts";
import type { Counter, Values } from "./neighbours.ts";
import { counterKey, Neighbours } from "./neighbours.ts";
import type { Cells } from "./table.ts";
import { cellIn, cellOf, join, Table } from "./table.ts";

/** Rows of one write, and of one job as far as can be foreseen. */
export const rowsAJob = 5000;
/** Windows of one job. */
const windowsAJob = 60;
/** Counters whose history is remembered; when it is reached all are looked up anew. */
const maxHistories = 200_000;

/** What is known of the rolled readings of a counter, so that few must be looked up. */
interface History {
  readonly newest: Reading;
  /** Nothing rolled up lies before this reading; absent: not known. @unit ms since 1970 UTC */
  readonly born: number | undefined;
}

/** A run, and whether nothing rolled up lies before it. */
interface Rolled extends Run {
  readonly isFirst: boolean;
}

export interface RollerParts {
  readonly asker: Asker;
  readonly levels: readonly Level[];
  readonly marks: Marks;
  readonly clock: Pick<Clock, "now">;
  /** Is given rows once they are written; the job is done when it resolves. */
  readonly made?: Made | undefined;
}

/** Takes the rows of windows; those of a window that is rolled up anew come again. */
export type Made = (window: RollupWindow, rows: readonly Line[]) => Promise<void>;

export class Roller {
  readonly #asker: Asker;
  readonly #levels: readonly Level[];
  readonly #marks: Marks;
  readonly #clock: Pick<Clock, "now">;
  readonly #gatherer: Gatherer;
  readonly #neighbours: Neighbours;
  readonly #made: Made | undefined;
  readonly #histories = new Map<string, History>();
  /** Rows that a window gave last, by measurement; bounded by the register. */
  readonly #rowsAWindow = new Map<string, number>();
  /** Rows written. */
  rows = 0;

  constructor({ asker, levels, marks, clock, made }: RollerParts) {
    this.#made = made;
    this.#asker = asker;
    this.#levels = levels;
    this.#marks = marks;
    this.#clock = clock;
    this.#gatherer = new Gatherer(asker);
    this.#neighbours = new Neighbours(asker, levels, marks);
  }

  /** How many windows of a measurement go into one job; one until it is known. */
  readonly most = (measurement: string): number => {
    const rows = this.#rowsAWindow.get(measurement) ?? rowsAJob;
    return Math.min(windowsAJob, Math.max(1, Math.floor(rowsAJob / rows)));
  };

  /**
   * Does a job; when it throws, it may be done again.
   * @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY
   */
  async roll(job: Job): Promise<void> {
    if (job.level > 0) {
      await this.#rollLonger(job);
      return;
    }
    const { store, signal } = this.#asker;
    const { measurement } = job;
    const { answer: stored } = await this.#asker.ask(() => store.fields(measurement, signal()));
    const plan = planOf(measurement, stored, store.sumsRises === true);
    const runs = await this.#rollShortest(job, plan);
    const behind = runs.filter((run) => this.#isBehind(measurement, run));
    this.#noteBirths(measurement, behind);
    const followed = behind.length > 0 ? await this.#rollFollowing(job, behind, plan) : noValues;
    // Last, so that a job done again still knows that there may be windows that follow. What is
    // followed by readings of an earlier life is not the newest: what is, only the store knows.
    const newest = runs.filter((run) => !followed.has(counterKey(run)));
    this.#remember(measurement, newest);
  }

  async #rollShortest(job: Job, plan: Plan): Promise<readonly Rolled[]> {
    const { measurement, from, to } = job;
    const length = this.#length(0);
    const stretch = { measurement, from: from * length, to: (to + 1) * length, length };
    const { table, runs } = await this.#gatherer.gather(stretch, plan);
    const before = await this.#lastBefore(measurement, stretch.from, runs);
    for (const run of runs) {
      const last = before.get(counterKey(run));
      if (last === undefined) continue;
      const { field, first } = run;
      const cells = table.cells(run.tags, Math.floor(first.time / length));
      const cell = cells[field] ?? cellOf(first.value);
      const more = rise(last, first.value, restartsAtZero(measurement, field));
      cells[field] = { ...cell, delta: cell.delta + more };
    }
    const lines = await this.#write(job, table);
    if (plan.whole) this.#neighbours.keep(lines);
    return runs.map((run) => ({ ...run, isFirst: !before.has(counterKey(run)) }));
  }

  /** The last reading of each run's counter before a stretch. */
  async #lastBefore(measurement: string, from: number, runs: readonly Run[]): Promise<Values> {
    const known = new Map<string, number>();
    const unknown: Counter[] = [];
    for (const run of runs) {
      const { newest, born = 0 } = this.#histories.get(historyKey(measurement, run)) ?? {};
      // Between the newest and the stretch nothing was rolled up.
      if (newest !== undefined && newest.time < from) known.set(counterKey(run), newest.value);
      else if (from > born) unknown.push(run);
    }
    const found = await this.#neighbours.lastBefore({ measurement, time: from }, unknown);
    return new Map([...known, ...found]);
  }

  /** Whether readings after this run may have been rolled up before it. */
  #isBehind(measurement: string, run: Run): boolean {
    const history = this.#histories.get(historyKey(measurement, run));
    return history === undefined || history.newest.time > run.last.time;
  }

  /** Of counters that are known only where they begin: their newest reading comes after. */
  #noteBirths(measurement: string, runs: readonly Rolled[]): void {
    for (const run of runs.filter(({ isFirst }) => isFirst)) {
      const key = historyKey(measurement, run);
      const known = this.#histories.get(key);
      if (known !== undefined) this.#histories.set(key, { ...known, born: run.first.time });
    }
  }

  #remember(measurement: string, runs: readonly Rolled[]): void {
    if (this.#histories.size > maxHistories) this.#histories.clear();
    this.#noteBirths(measurement, runs);
    for (const run of runs) {
      const key = historyKey(measurement, run);
      const known = this.#histories.get(key);
      if (known !== undefined && known.newest.time > run.last.time) continue;
      const born = run.isFirst ? run.first.time : known?.born;
      this.#histories.set(key, { newest: run.last, born });
    }
  }

  /**
   * Rolls the windows of the next readings anew, whose first rise has another beginning now;
   * returns which counters have such readings.
   */
  async #rollFollowing(job: Job, behind: readonly Run[], plan: Plan): Promise<Values> {
    const { measurement } = job;
    const [sums, rows] = [plan.sums.filter(isCounter), plan.rows.filter(isCounter)];
    const counters = { sums, rows, whole: false };
    // The rows that the search may find must be those of the shortest windows.
    this.#marks.markAround(job);
    const time = (job.to + 1) * this.#length(0);
    // No window is rolled up before it is over.
    const until = this.#clock.now();
    const next = await this.#neighbours.nextAfter({ measurement, time }, behind, until);
    for (const window of next.windows) {
      const following = { measurement, level: 0, from: window, to: window };
      if (this.#marks.overlaps(following)) continue;
      await this.#rollShortest(following, counters);
      this.#marks.markAround(following);
    }
    return next.counters;
  }

  /** Rolls windows up from the rows of the next shorter ones. */
  async #rollLonger(job: Job): Promise<void> {
    const { measurement, level, from, to } = job;
    const ratio = this.#length(level) / this.#length(level - 1);
    const table = new Table();
    for (let window = from * ratio; window < (to + 1) * ratio; window += 1) {
      const rows = await this.#neighbours.rowsOf(measurement, { level: level - 1, window });
      for (const row of rows)
        addRow(table.cells(row.tags, Math.floor(window / ratio)), row, measurement);
    }
    this.#neighbours.keep(await this.#write(job, table));
  }

  async #write({ measurement, level, from, to }: Job, table: Table): Promise<readonly Line[]> {
    const { name, length = hourMs } = this.#levels[level] ?? {};
    if (name === undefined) return [];
    const lines = table.lines(rollupName(measurement, name), length);
    if (level === 0) this.#rowsAWindow.set(measurement, lines.length / (to - from + 1) || 1);
    this.#neighbours.drop(lines);
    const { store, signal } = this.#asker;
    for (let at = 0; at < lines.length; at += rowsAJob) {
      const some = lines.slice(at, at + rowsAJob);
      await this.#asker.ask(() => store.write(some, signal()));
    }
    this.rows += lines.length;
    if (lines.length > 0) await this.#made?.(name, lines);
    return lines;
  }

  #length(level: number): number {
    return this.#levels[level]?.length ?? hourMs;
  }
}

const noValues: Values = new Map();

function historyKey(measurement: string, counter: Counter): string {
  return `${measurement} ${counterKey(counter)}`;
}

/** Joins a roll-up's row, field by field: each has a count. */
function addRow(cells: Cells, row: Line, measurement: string): void {
  for (const name in row.fields) {
    if (!name.endsWith("_count")) continue;
    const rolled = rolledFieldOf(measurement, name);
    const cell = rolled?.aggregate === "count" ? cellIn(row, rolled.field) : undefined;
    if (rolled !== undefined && cell !== undefined) join(cells, rolled.field, cell);
  }
}
