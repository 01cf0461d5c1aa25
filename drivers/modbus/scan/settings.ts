/**
 * The line settings that a search tries, the likeliest first: what makers ship, as the profiles
 * say it, behind what the standard and the trade have as default.
 */
import type { ModbusHeader } from "../profile.ts";

export interface LineSetting {
  /** @unit bits per second */
  readonly baud: number;
  readonly parity: "none" | "even" | "odd";
  readonly dataBits: 8;
  /** Two stop bits are heard with one as well, both ways: they are never searched for. */
  readonly stopBits: 1;
}

/** 9600 8N1 is what most makers ship; 19200 8E1 is the standard's own. [MODBUS-RTU 2.5.1] */
const usual: readonly LineSetting[] = [
  setting(9600, "none"),
  setting(9600, "even"),
  setting(19_200, "even"),
  setting(19_200, "none"),
];

/** Settings that a search tries when it is told nothing. */
const mostSettings = 6;

export function setting(baud: number, parity: LineSetting["parity"]): LineSetting {
  return { baud, parity, dataBits: 8, stopBits: 1 };
}

/** `9600 8N1`. */
export function settingName({ baud, parity, dataBits, stopBits }: LineSetting): string {
  return `${baud} ${dataBits}${parity.slice(0, 1).toUpperCase()}${stopBits}`;
}

/** What may be left open, and what the profiles know. */
export interface Wanted {
  readonly bauds: readonly number[] | undefined;
  readonly parities: readonly LineSetting["parity"][] | undefined;
}

/** The settings to try, the likeliest first. */
export function settingsOf(wanted: Wanted, headers: readonly ModbusHeader[]): LineSetting[] {
  const known = [...usual, ...shipped(headers)];
  const { bauds, parities } = wanted;
  if (bauds === undefined && parities === undefined) {
    return distinct(known).slice(0, mostSettings);
  }
  const all = (bauds ?? distinct(known).map(({ baud }) => baud)).flatMap((baud) =>
    (parities ?? ["none", "even"]).map((parity) => setting(baud, parity)),
  );
  const likely = distinct(known).map(settingName);
  const rank = (one: LineSetting): number => (likely.indexOf(settingName(one)) + 1 || 1000) - 1;
  return distinct(all).toSorted((a, b) => rank(a) - rank(b));
}

/** Settings of the profiles, the most frequent first. */
function shipped(headers: readonly ModbusHeader[]): LineSetting[] {
  const counts = new Map<string, { readonly of: LineSetting; count: number }>();
  for (const { serial } of headers) {
    if (serial === undefined || serial.dataBits !== 8) continue;
    const of = setting(serial.baud, serial.parity);
    const entry = counts.get(settingName(of)) ?? { of, count: 0 };
    entry.count += 1;
    counts.set(settingName(of), entry);
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count).map(({ of }) => of);
}

function distinct(settings: readonly LineSetting[]): LineSetting[] {
  const byName = new Map(settings.map((one) => [settingName(one), one]));
  return [...byName.values()];
}
