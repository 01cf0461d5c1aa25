/**
 * The channel of a table's row, made of a template: `{index}` is the whole index, `{index2}` its
 * second part, `{1.3.6.1…}` the text in that column of the same row, `{1.3.6.1…:2}` the text in the
 * row of another table whose index is the first two parts of this one's.
 */
import type { Cells } from "./cells.ts";
import { shownText } from "./values.ts";

const part = String.raw`index[1-9]?|[012](?:\.\d+)+(?::[1-9])?`;

/** A whole template. */
export const channelPattern = new RegExp(String.raw`^(?:[^{}]|\{(?:${part})\})+$`);

const holes = new RegExp(String.raw`\{(${part})\}`, "g");

/** Longest text of a tag. @unit characters */
const longest = 64;

/** Whether a template stands for the rows of a table. */
export function hasRows(template: string): boolean {
  return template.includes("{");
}

/** The columns that a template takes names from. */
export function nameColumns(template: string): string[] {
  return [...template.matchAll(holes)].flatMap(([, name = ""]) =>
    name.startsWith("index") ? [] : (name.split(":")[0] ?? []),
  );
}

/** The channel of a row; undefined when a name is not known. */
export function channelOf(template: string, index: string, cells: Cells): string | undefined {
  let known = true;
  const channel = template.replaceAll(holes, (_, name: string) => {
    const text = name.startsWith("index") ? indexPart(name, index) : nameAt(name, index, cells);
    known &&= text !== undefined && text !== "";
    return text ?? "";
  });
  const plain = channel.trim();
  return known && plain !== "" ? plain.slice(0, longest) : undefined;
}

function indexPart(name: string, index: string): string | undefined {
  const number = name.slice("index".length);
  return number === "" ? index : index.split(".")[Number(number) - 1];
}

function nameAt(name: string, index: string, cells: Cells): string | undefined {
  const [column = "", count] = name.split(":");
  const row = count === undefined ? index : index.split(".").slice(0, Number(count)).join(".");
  const cell = cells.at(`${column}.${row}`);
  return cell === undefined ? undefined : shownText(cell);
}
