/**
 * How busy alerts keep people (EEMUA 191, ISA-18.2): of each ten minutes how many began to fire and
 * how many were told, and what stands at their end. One told in ten minutes is acceptable for one
 * operator, more than ten are a flood. A row of `alarm_load` each ten minutes; what was counted
 * rests in the snapshot.
 */
import { v } from "../../config/index.ts";
import type { DeviceAddress, Line } from "../../telemetry/index.ts";
import type { Severity } from "../rule.ts";

/** @unit ms */
export const loadWindow = 600_000;
/** More told within a window are a flood. */
const floodAbove = 10;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** As the snapshot holds it. `from` in ms since 1970-01-01 UTC. */
export const countedForm = v.object({
  from: v.pipe(v.number(), v.finite(), v.minValue(0)),
  info: count,
  warning: count,
  critical: count,
  told: count,
});
export type Counted = v.InferOutput<typeof countedForm>;

/** What stands at a moment. */
export interface Standing {
  readonly standing: number;
  readonly acknowledged: number;
  readonly shelved: number;
  /** Consequences of another alert. */
  readonly suppressed: number;
  readonly chattering: number;
}

/** One window that is over. */
export interface AlarmWindow extends Counted, Standing {
  readonly flood: boolean;
}

export class Load {
  #now: Counted;
  #last: AlarmWindow | undefined;

  constructor(now: number, kept?: Counted) {
    this.#now = kept ?? emptyFrom(now);
  }

  /** The window that runs. */
  get counted(): Counted {
    return this.#now;
  }

  /** The window before it. */
  get last(): AlarmWindow | undefined {
    return this.#last;
  }

  /** When the window that runs is over. @unit ms since 1970-01-01 UTC */
  get end(): number {
    return this.#now.from + loadWindow;
  }

  fired(severity: Severity): void {
    this.#now = { ...this.#now, [severity]: this.#now[severity] + 1 };
  }

  told(): void {
    this.#now = { ...this.#now, told: this.#now.told + 1 };
  }

  /** The window that is over by now, if one is; a clock that was set back begins another. */
  roll(now: number, standing: () => Standing): AlarmWindow | undefined {
    if (now >= this.#now.from && now < this.end) return undefined;
    const over = now >= this.end;
    const counted = this.#now;
    this.#now = over ? emptyFrom(now) : { ...counted, from: emptyFrom(now).from };
    if (!over) return undefined;
    this.#last = { ...counted, ...standing(), flood: counted.told > floodAbove };
    return this.#last;
  }
}

function emptyFrom(now: number): Counted {
  const from = Math.floor(now / loadWindow) * loadWindow;
  return { from, info: 0, warning: 0, critical: 0, told: 0 };
}

/** The row of a window, at its end. */
export function lineOfLoad(
  window: AlarmWindow,
  { region, org, site, device }: DeviceAddress,
): Line {
  const { info, warning, critical } = window;
  return {
    measurement: "alarm_load",
    tags: { region, org, site, device },
    fields: {
      fired_count: info + warning + critical,
      info_count: info,
      warning_count: warning,
      critical_count: critical,
      told_count: window.told,
      standing_count: window.standing,
      acknowledged_count: window.acknowledged,
      shelved_count: window.shelved,
      suppressed_count: window.suppressed,
      chattering_count: window.chattering,
      flood_state: window.flood ? 1 : 0,
      q: 0,
    },
    time: window.from + loadWindow,
  };
}
