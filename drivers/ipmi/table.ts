/** What the tools print as `label : value` lines, read strictly: no label twice, none unknown. */
import type { Fault } from "../../telemetry/index.ts";
import type { Figure, Figures } from "./found.ts";
import { shown } from "./found.ts";

/** What a value means: a figure, nothing that matters, or (undefined) nothing that can be. */
export type Reader = (text: string) => readonly [name: string, value: number] | "other" | undefined;

export interface Table {
  readonly figures: Figures;
  readonly faults: readonly Fault[];
}

/** Lines named one by one. */
const namedFaults = 5;

export function readTable(
  output: string,
  readers: Readonly<Record<string, Reader>>,
  part: string,
): Table {
  const figures = new Map<string, Figure>();
  const wrong: string[] = [];
  for (const line of output.split("\n")) {
    if (line.trim() === "") continue;
    const colon = line.indexOf(":");
    const label = line.slice(0, Math.max(colon, 0)).trim();
    const text = line.slice(colon + 1).trim();
    const found = Object.hasOwn(readers, label) ? readers[label]?.(text) : undefined;
    if (found === undefined || figures.has(found[0])) wrong.push(line);
    else if (found !== "other")
      figures.set(found[0], { value: found[1], raw: line.replaceAll(/\s+/g, " ").trim() });
  }
  const faults = wrong.slice(0, namedFaults).map((line): Fault => {
    return { code: "E_DEVICE_FRAME", at: `${part}: ${shown(line)}` };
  });
  return { figures: Object.fromEntries(figures), faults };
}

/** A line that is known and says nothing that is wanted. */
export const other: Reader = () => "other";

/** `220 Watts`, as a figure of this name. */
export function watts(name: string): Reader {
  return (text) => {
    const number = /^(\d{1,6}) [Ww]atts$/.exec(text)?.[1];
    return number === undefined ? undefined : [name, Number(number)];
  };
}

/** One of the words, each with its number. */
export function words(name: string, numbers: Readonly<Record<string, number>>): Reader {
  return (text) => {
    const number = Object.hasOwn(numbers, text) ? numbers[text] : undefined;
    return number === undefined ? undefined : [name, number];
  };
}

/** The chassis' own faults. [IPMI-2.0 28.2] */
export const chassisFaults = ["overload", "mains", "control", "drive", "cooling"] as const;

/** Whether it is on, and its health: any fault is one, and none only when all were told. */
export function chassisFigures({ figures }: Table): Figures {
  const { on_state } = figures;
  const told = chassisFaults.flatMap((name) => figures[name] ?? []);
  const bad = told.filter(({ value }) => value === 1);
  const raw = (bad.length > 0 ? bad : told).map((figure) => figure.raw).join(", ");
  const known = bad.length > 0 || told.length === chassisFaults.length;
  return {
    ...(on_state === undefined ? {} : { on_state }),
    ...(known ? { health_state: { value: bad.length > 0 ? 2 : 0, raw } } : {}),
  };
}
