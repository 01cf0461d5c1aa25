/**
 * The XML of `nvidia-smi -q -x`: the door to the parser. Entities of a document type are never
 * expanded and nothing is loaded from elsewhere (the parser knows neither). What is long and never
 * read is cut out before: a machine of eight cards prints a megabyte of supported clocks, and names
 * of processes are whatever their users like.
 *
 * Limits: `longest` characters of what is left; `deepest` elements within each other.
 */
import { parseXml, XmlElement, XmlText } from "@rgrove/parse-xml";
import { GatewayError, messageOf } from "../../telemetry/index.ts";

/** 16 cards of 20 KiB, and as much again. @unit characters */
const longest = 1024 * 1024;
const deepest = 32;

const unread = ["processes", "accounted_processes", "supported_clocks"] as const;

/** An element: its text, and the elements within. */
export interface Element {
  readonly name: string;
  readonly text: string;
  readonly children: readonly Element[];
}

/** @throws E_DEVICE_FRAME when it is no XML, too long or too deep */
export function parseElements(xml: string): Element {
  const short = unread.reduce(without, xml);
  if (short.length > longest) throw broken(`${short.length} characters`);
  if (depthOf(short) > deepest) throw broken(`more than ${deepest} elements within each other`);
  try {
    const { root } = parseXml(short);
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
