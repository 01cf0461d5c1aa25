/**
 * The XML of `nvidia-smi -q -x`: the door to the parser. Entities of a document type are never
 * expanded and nothing is loaded from elsewhere (the parser knows neither). What is long and never
 * read is cut out before: a machine of eight cards prints a megabyte of supported clocks, and names
 * of processes are whatever their users like.
 *
 * Cards are cut out and parsed one by one, so that a machine of many does not hold up the rest of
 * the agent: a card takes about a millisecond.
 *
 * Limits: `maxCards`; `longest` characters of a card; `deepest` elements within each other.
 */
import { parseXml, XmlElement, XmlText } from "@rgrove/parse-xml";
import { GatewayError, messageOf } from "../../telemetry/index.ts";

const maxCards = 64;
/** A card has some 20 KiB, one in seven parts 30. @unit characters */
const longest = 128 * 1024;
const deepest = 32;

const unread = ["processes", "accounted_processes", "supported_clocks"] as const;

/** An element: its text, and the elements within. */
export interface Element {
  readonly name: string;
  readonly text: string;
  readonly children: readonly Element[];
}

/**
 * The texts of the cards, without what is never read.
 * @throws E_DEVICE_FRAME when there is none
 */
export function cardsIn(xml: string): string[] {
  const short = unread.reduce(without, xml);
  const cards: string[] = [];
  for (const { index } of short.matchAll(/<gpu[ >]/g)) {
    const stop = short.indexOf(end, index);
    if (stop < 0 || cards.length >= maxCards) break;
    cards.push(short.slice(index, stop + end.length));
  }
  if (cards.length === 0) throw broken("there is no card in it");
  return cards;
}

const end = "</gpu>";

/** @throws E_DEVICE_FRAME when it is no XML, too long or too deep */
export function parseElements(xml: string): Element {
  if (xml.length > longest) throw broken(`${xml.length} characters`);
  if (depthOf(xml) > deepest) throw broken(`more than ${deepest} elements within each other`);
  try {
    const { root } = parseXml(xml);
    if (root === null) throw broken("nothing in it");
    return elementOf(root);
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw broken(messageOf(cause).split("\n")[0] ?? "", cause);
  }
}

/** The text at a path of element names, or undefined when there is no such element. */
export function textAt(element: Element, path: string): string | undefined {
  return elementAt(element, path)?.text;
}

export function elementAt(element: Element, path: string): Element | undefined {
  let at: Element | undefined = element;
  for (const name of path.split("/")) at = at?.children.find((child) => child.name === name);
  return at;
}

function elementOf(node: XmlElement): Element {
  let text = "";
  const children: Element[] = [];
  for (const child of node.children) {
    if (child instanceof XmlElement) children.push(elementOf(child));
    else if (child instanceof XmlText) text += child.text;
  }
  return { name: node.name, text: text.trim(), children };
}

/** Leaves out every `<name>…</name>`; what has no end is left to the parser. */
function without(xml: string, name: string): string {
  const begin = `<${name}>`;
  const end = `</${name}>`;
  const kept: string[] = [];
  let from = 0;
  for (;;) {
    const start = xml.indexOf(begin, from);
    const stop = start < 0 ? -1 : xml.indexOf(end, start);
    if (stop < 0) break;
    kept.push(xml.slice(from, start));
    from = stop + end.length;
  }
  return [...kept, xml.slice(from)].join("");
}

/** How many elements stand within each other at most, comments and the like counted as none. */
function depthOf(xml: string): number {
  let depth = 0;
  let most = 0;
  for (const [tag] of xml.matchAll(/<\/?[A-Za-z_][^<>]*>/g)) {
    if (tag.startsWith("</")) depth -= 1;
    else if (!tag.endsWith("/>")) depth += 1;
    most = Math.max(most, depth);
  }
  return most;
}

function broken(why: string, cause?: unknown): GatewayError {
  return new GatewayError("E_DEVICE_FRAME", `the XML of nvidia-smi: ${why}`, { cause });
}
