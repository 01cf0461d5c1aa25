/** What the writers of the dialects share: the span, and statements that become a file. */
import { rolledEvery } from "../capacity/index.ts";
import type { Element } from "../../config/index.ts";
import { shownRating } from "../../config/index.ts";
import type { Tags } from "../../telemetry/index.ts";
import type { Group, Part, Quantity, Questions, Rows } from "./plan.ts";

/** Of which time is told. */
export interface Asked {
  /** A whole number of windows. @unit ms */
  readonly since: number;
  /** End of a window; undefined: when the query is run. @unit ms since 1970-01-01 UTC */
  readonly until: number | undefined;
}

export interface Statement {
  /** `r01 W`, `r01 W now`, `r01 phases`, `facility energy`: one of its kind in a file. */
  readonly name: string;
  /** What it tells, in a sentence or two. */
  readonly about: string;
  readonly text: string;
}

/** A file of one dialect. */
export interface QueryFile {
  /** What must stand before the first statement. */
  readonly prelude?: string;
  readonly statements: readonly Statement[];
  /** What this dialect cannot tell, and why. */
  readonly untold: readonly string[];
}

/** A window. @unit ms */
export const every = rolledEvery;

/** Windows that may be late before `now` is not known. */
export const fresh = 3;

/** Share of windows that stay below the 95th percentile. */
export const share = 0.95;

export const hour = 3_600_000;

/** How many windows a span has. */
export function windowsIn({ since }: Asked): number {
  return Math.round(since / every);
}

/** `rack r01: watts of 6 kW, by meter-1a, meter-1b.` */
export function aboutText(element: Element, { unit, phase, parts, limit }: Quantity): string {
  const what = { W: "watts", VA: "volt-amperes", A: `amperes of ${phase ?? ""}` }[unit];
  const of = limit === undefined ? "" : ` of ${shownRating(limit, unit)}`;
  return `${element.kind} ${element.id}: ${what}${of}, by ${devicesOf(parts)}`;
}

export function devicesOf(parts: readonly Pick<Part, "where">[]): string {
  return [...new Set(parts.map(({ where }) => where["device"] ?? ""))].join(", ");
}

/** What no dialect can tell. */
export function untoldOf({ elements, pue }: Questions): readonly string[] {
  const silent = elements.flatMap(({ element, why }) =>
    why === undefined ? [] : [`${element.kind} ${element.id}: ${why}`],
  );
  return typeof pue === "string" ? [...silent, `PUE: ${pue}`] : silent;
}

/** A condition for the tags of a group, in the words of a language. */
export function conditionText(
  { common, each }: Pick<Group<Rows>, "common" | "each">,
  {
    equal,
    and,
    or,
  }: {
    readonly equal: (tag: string, value: string) => string;
    readonly and: string;
    readonly or: string;
  },
): string {
  const all = (tags: Tags): string =>
    Object.entries(tags)
      .map(([tag, value]) => equal(tag, value))
      .join(and);
  const one = each.map((tags) => (each.length > 1 ? `(${all(tags)})` : all(tags)));
  const any = one.length > 1 ? `(${one.join(or)})` : one.join("");
  return [all(common), any].filter((text) => text !== "").join(and);
}

/** A number as it stands in a query. */
export function numberText(value: number): string {
  return String(Number(value.toPrecision(12)));
}

/** The text of a file: remarks begin with `mark`, statements end with `end`. */
export function fileText(
  { prelude, statements, untold }: QueryFile,
  { title, mark, end }: { readonly title: string; readonly mark: string; readonly end: string },
): string {
  const remark = (text: string): string =>
    text
      .split("\n")
      .map((line) => `${mark} ${line}`.trimEnd())
      .join("\n");
  const blocks = [
    remark(title),
    ...(prelude === undefined ? [] : [prelude]),
    ...statements.map(({ about, text }) => `${remark(about)}\n${text}${end}`),
    ...(untold.length === 0 ? [] : [remark(["Not told here.", ...untold].join("\n"))]),
  ];
  return `${blocks.join("\n\n")}\n`;
}
