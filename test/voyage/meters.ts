/**
 * The meters of an outage: three-phase meters as of `eastron-sdm630`, ten on a serial bus, a read
 * of 150 to 250 ms. Each reading is numbered: the number is the imported energy on all its rows.
 * Now and then a meter does not answer three times in a row, which makes two events.
 */
import type { AgentDevice } from "../../agent/index.ts";
import type { Clock, Line, Point, Site } from "../../telemetry/index.ts";
import { GatewayError, sleep } from "../../telemetry/index.ts";
import type { Chance } from "./chance.ts";

const perBus = 10;
const phases = ["L1", "L2", "L3"] as const;
/** Rows of one reading, as bits: the phases and the totals. */
const whole = 0b1111;
/** A meter falls silent on average once in so many reads. */
const silentOnce = 5000;

/** What happened to each reading; index is its number. */
export class Readings {
  count = 0;
  /** @unit ms, monotonic */
  answered: Float64Array;
  /** Wall time, which is part of the identity in the store. @unit ms */
  time: Float64Array;
  /** When the last row was stored. @unit ms, monotonic */
  stored: Float64Array;
  #rows: Uint8Array;
  spooled: Uint8Array;
  /** Rows stored at a time at which no device gave them. */
  doubled = 0;
  /** Numbers of the newest reading of each device, by device. */
  readonly newest = new Map<string, number>();

  constructor(most: number) {
    this.answered = new Float64Array(most);
    this.time = new Float64Array(most);
    this.stored = new Float64Array(most);
    this.#rows = new Uint8Array(most);
    this.spooled = new Uint8Array(most);
  }

  give(device: string, clock: Clock): number {
    const number = this.count;
    this.count += 1;
    this.answered[number] = clock.monotonic();
    this.time[number] = clock.now();
    this.newest.set(device, number);
    return number;
  }

  put({ fields, tags, time }: Line, now: number): void {
    const number = fields["import_wh_total"];
    if (typeof number !== "number") return;
    if (this.time[number] !== time) this.doubled += 1;
    const bit = 1 << (1 + phases.findIndex((phase) => phase === tags["phase"]));
    const rows = (this.#rows[number] ?? 0) | bit;
    if (rows === whole && !this.isStored(number)) this.stored[number] = now;
    this.#rows[number] = rows;
  }

  isStored(number: number): boolean {
    return this.#rows[number] === whole;
  }
}

export function openMeters(
  parts: { readonly meters: number; readonly site: Site; readonly readings: Readings },
  clock: Clock,
  chance: Chance,
): AgentDevice[] {
  return Array.from({ length: parts.meters }, (_, index) => {
    const device = `meter-${index + 1}`;
    let silent = 0;
    return {
      address: { ...parts.site, class: "power", device },
      place: { rack: `r${index + 1}` },
      driver: "outage",
      profile: undefined,
      vendor: undefined,
      model: undefined,
      interval: 5000,
      busKey: `bus-${Math.floor(index / perBus)}`,
      session: {
        groups: [{ name: "default", every: undefined }],
        read: async () => {
          await sleep(clock, chance.whole(150, 250));
          if (silent === 0 && chance.chance(1 / silentOnce)) silent = 3;
          if (silent > 0) {
            silent -= 1;
            throw new GatewayError("E_CONNECT", "silent");
          }
          const number = parts.readings.give(device, clock);
          return { points: pointsOf(number, chance), faults: [] };
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
    };
  });
}

function pointsOf(number: number, chance: Chance): Point[] {
  const about = (value: number, digits: number): number =>
    Number((value * (0.95 + 0.1 * chance.random())).toFixed(digits));
  const electrical = (): Record<string, number> => ({
    active_power_w: about(2300, 1),
    apparent_power_va: about(2400, 1),
    reactive_power_var: about(300, 1),
    power_factor_ratio: about(0.95, 3),
  });
  const energy = { import_wh_total: number, export_wh_total: 0, q: 0 };
  const totals = { ...electrical(), frequency_hz: about(50, 2), reactive_varh_total: 123_400 };
  return [
    ...phases.map((phase) => ({
      measurement: "meter_phase",
      tags: { phase },
      fields: {
        voltage_v: about(230, 1),
        current_a: about(10, 2),
        ...electrical(),
        thd_v_pct: about(2, 2),
        ...energy,
      },
    })),
    { measurement: "energy_meter", fields: { ...totals, ...energy } },
  ];
}
