/** One device on the page of an exporter. */
import type { Clock, Reading } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Group, Origin, Place, Session, Source, Trace } from "../contract.ts";
import { groupName, groupsOf } from "../groups.ts";
import type { Where } from "./conditions.ts";
import type { Counts } from "./counts.ts";
import type { Exporter } from "./exporter.ts";
import type { Families, PageFacts } from "./page.ts";
import type { FieldPlace } from "./points.ts";
import { Points } from "./points.ts";
import type { FormPlan, RowPlan } from "./rows.ts";
import { metricsOf } from "./rows.ts";
import { Slices } from "./slices.ts";

/** Sources that are told: more than a machine has. */
const maxSources = 4096;

export interface ExporterParts {
  readonly id: string;
  readonly exporter: Exporter;
  readonly rows: readonly RowPlan[];
  readonly where: Where;
  readonly blank: number | undefined;
  /** Measurements whose channels stay. */
  readonly steady: readonly string[];
  /** @unit ms */
  readonly stale: number;
  readonly counts: Counts;
  readonly clock: Clock;
  readonly endpoint: Origin["endpoint"];
  readonly release: () => Promise<void>;
}

export class ExporterSession implements Session {
  readonly groups: readonly Group[];
  readonly #parts: ExporterParts;
  readonly #sources: Source[] = [];
  /** Channels of each form that are among the sources. */
  readonly #noted = new Map<FormPlan, Set<string>>();
  readonly #ending = new AbortController();
  #released: Promise<void> | undefined;

  constructor(parts: ExporterParts) {
    this.#parts = parts;
    this.groups = groupsOf(parts.rows);
    parts.exporter.want(this, metricsOf(parts.rows));
  }

  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    if (this.#ending.signal.aborted) {
      throw new GatewayError("E_DISCONNECTED", "the session was closed");
    }
    const { exporter, rows, where, blank, counts, clock, stale } = this.#parts;
    const page = await exporter.page(this, AbortSignal.any([signal, this.#ending.signal]));
    const slices = new Slices(clock);
    const families = await page.select(where, slices);
    const points = new Points({
      families,
      counts,
      blank,
      staleBefore: clock.now() - stale,
      found: (place, raw) => {
        this.#note(place);
        trace?.({ ...placeOf(place), raw });
      },
    });
    const due = rows.filter(({ every }) => groups.includes(groupName(every)));
    for (const row of due) await points.fill(row, slices);
    this.#judge(points, page.facts, due);
    const all = points.all();
    if (all.length === 0) this.#nothing(points, families);
    counts.keep();
    return { points: all, faults: points.faults };
  }

  /** What was read so far: channels are found by looking. */
  origin(): Origin {
    return { endpoint: this.#parts.endpoint, sources: [...this.#sources] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.#parts.exporter.leave(this);
    this.#released ??= this.#parts.release();
    await this.#released;
  }

  #judge(points: Points, facts: PageFacts, rows: readonly RowPlan[]): void {
    const { damaged, damagedAt, dropped } = facts;
    if (damaged > 0)
      points.fault("E_DEVICE_FRAME", `line ${damagedAt}: no sample (${damaged} such)`);
    if (dropped > 0) points.fault("E_DEVICE_FRAME", `${dropped} series more than a page may have`);
    for (const { measurement, tag } of steadyOf(rows, this.#parts.steady)) {
      const gone = this.#parts.counts.missed(measurement, points.channelsOf(measurement));
      for (const channel of gone) {
        points.fault("E_DEVICE_REFUSED", `${measurement} ${tag}=${channel}: no series any more`);
      }
    }
  }

  /** Of a group whose part this exporter does not have, silence is right; else nothing is. */
  #nothing({ faults: [first] }: Points, families: Families): void {
    const { id, rows } = this.#parts;
    const some = [...metricsOf(rows)].some((name) => (families.get(name)?.length ?? 0) > 0);
    if (some && first === undefined) return;
    const why = first === undefined ? "" : `: ${first.code} at ${first.at}`;
    const message = `${id}: the page has no series of its profile${why}`;
    throw new GatewayError("E_DEVICE_REFUSED", message);
  }

  #note(place: FieldPlace): void {
    const noted = this.#noted.get(place.plan) ?? new Set<string>();
    if (noted.has(place.channel) || this.#sources.length >= maxSources) return;
    this.#noted.set(place.plan, noted.add(place.channel));
    this.#sources.push({ ...placeOf(place), every: place.row.every });
  }
}

function placeOf({ row, field, plan, channel }: FieldPlace): Place {
  return { measurement: row.measurement, channel, field: field.name, at: plan.at };
}

/** One row of each measurement whose channels stay. */
function steadyOf(rows: readonly RowPlan[], steady: readonly string[]): readonly RowPlan[] {
  return steady.flatMap((name) => rows.find(({ measurement }) => measurement === name) ?? []);
}
