/**
 * A YAML file with its positions: every complaint names file:line:column. The only door to the
 * `yaml` library. The file is data alone: YAML 1.2 core schema, no custom tags, aliases bounded.
 */
import { readFile } from "node:fs/promises";
import type { Document, Node } from "yaml";
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import { GatewayError, messageOf, systemCode } from "../telemetry/index.ts";

export type Path = readonly (string | number)[];

/** One mistake in a file, ready to print. */
export interface Complaint {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** Dotted path of the key. */
  readonly key: string;
  readonly problem: string;
}

/** `site.yaml:12:5: devices.meter.uint: unknown key; did you mean "unit"?` */
export function complaintText(complaint: Complaint): string {
  const { file, line, column, key, problem } = complaint;
  return `${file}:${line}:${column}: ${key === "" ? "" : `${key}: `}${problem}`;
}

/** All mistakes of files, as one error, in the order of each file. */
export class ComplaintsError extends GatewayError {
  readonly complaints: readonly Complaint[];

  constructor(complaints: readonly Complaint[]) {
    const sorted = complaints.toSorted(
      (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
    );
    const count = sorted.length === 1 ? "1 mistake" : `${sorted.length} mistakes`;
    super("E_CONFIG", `${count}\n${sorted.map((c) => `  ${complaintText(c)}`).join("\n")}`);
    this.complaints = sorted;
  }
}

export class YamlFile {
  readonly file: string;
  /** The content as plain data; an empty file is an empty mapping. */
  readonly data: unknown;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;

  /** @throws E_CONFIG with the position of each syntax mistake */
  constructor(file: string, source: string) {
    this.file = file;
    this.#lines = new LineCounter();
    // A warning is a tag that says nothing to us: data alone, so that too is a mistake.
    const options = { lineCounter: this.#lines, prettyErrors: false, stringKeys: true };
    this.#document = parseDocument(source, options);
    const { errors, warnings } = this.#document;
    const complaints = firstOfLines(
      [...errors, ...warnings].map(({ code, message, pos }) =>
        this.#complaintAt(pos[0], plainly[code] ?? message),
      ),
    );
    if (complaints.length === 0) complaints.push(...this.#pitfalls());
    if (complaints.length > 0) throw new ComplaintsError(complaints);
    this.data = this.#plain() ?? {};
  }

  /** The document as plain data. A few lines of aliases could otherwise name millions of values. */
  #plain(): unknown {
    try {
      return this.#document.toJS({ maxAliasCount: 100 });
    } catch {
      throw new ComplaintsError([this.complain([], "the aliases (*NAME) stand for too much")]);
    }
  }

  /** What parses, but would be lost or fail on the way to plain data. */
  #pitfalls(): Complaint[] {
    const found: Complaint[] = [];
    const add = (node: unknown, problem: string): void => {
      found.push(this.#complaintAt(start(node) ?? 0, problem));
    };
    visit(this.#document, {
      Alias: (_key, node) => {
        if (node.resolve(this.#document) !== undefined) return;
        add(node, `no anchor &${node.source} stands before *${node.source}`);
      },
      Pair: (_key, { key }) => {
        const name = isScalar(key) ? String(key.value) : "";
        if (reserved.includes(name)) add(key, `nothing can be called ${name}`);
      },
    });
    return found;
  }

  #complaintAt(offset: number, problem: string): Complaint {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.file, line, column: col, key: "", problem };
  }

  /** A complaint at a path: at the key where `atKey`, else at the value, else at its parent. */
  complain(path: Path, problem: string, atKey = false): Complaint {
    return { ...this.#complaintAt(this.#offset(path, atKey), problem), key: path.join(".") };
  }

  #offset(path: Path, atKey: boolean): number {
    let node: unknown = this.#document.contents;
    let offset = start(node) ?? 0;
    for (const [depth, step] of path.entries()) {
      const child = childOf(node, step);
      if (child === undefined) break;
      const last = depth === path.length - 1;
      offset = start(last && atKey ? (child.key ?? child.value) : child.value) ?? offset;
      node = child.value;
    }
    return offset;
  }
}

/** A value and where it goes. */
export interface Addition {
  readonly path: readonly [string, ...string[]];
  readonly value: unknown;
}

/**
 * The text of a YAML file with more in it; comments and order stay.
 * @throws E_CONFIG when something stands at one of the paths, or a part of it is no mapping
 */
export function withAdditions(
  file: string,
  source: string,
  additions: readonly Addition[],
): string {
  // Says what is wrong with it, if something is.
  const before = new YamlFile(file, source);
  const document = parseDocument(source);
  for (const { path, value } of additions) {
    if (document.hasIn(path))
      throw new ComplaintsError([before.complain(path, "is there already")]);
    try {
      document.setIn(path, document.createNode(value));
    } catch {
      const why = "this part is no mapping of its own: write it out";
      throw new ComplaintsError([before.complain(path.slice(0, -1), why)]);
    }
  }
  return document.toString({ lineWidth: 0 });
}

/** The first complaint of each line: what the parser stumbles over next is mostly its echo. */
function firstOfLines(complaints: readonly Complaint[]): Complaint[] {
  const lines = new Set<number>();
  return complaints.filter(({ line }) => lines.size < lines.add(line).size);
}

/** Names that valibot drops from a record without a word. */
const reserved = ["__proto__", "constructor", "prototype"];

/** The library's messages that a person would stumble over. */
const plainly: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: "a second `: ` on one line; quote the text, or give each key its line",
  DUPLICATE_KEY: "this key stands twice at the same level",
  MULTIPLE_DOCS: "a second document begins here; a file holds one",
  NON_STRING_KEY: "a key must be a name",
  TAB_AS_INDENT: "tabs do not indent in YAML; use spaces",
  TAG_RESOLVE_FAILED: "tags (!NAME) mean nothing here; write the value alone",
};

function childOf(
  node: unknown,
  step: string | number,
): { key?: unknown; value: unknown } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === step);
    return pair === undefined ? undefined : { key: pair.key, value: pair.value ?? pair.key };
  }
  if (isSeq(node)) {
    const item = node.items[Number(step)];
    return item === undefined ? undefined : { value: item };
  }
  return undefined;
}

function start(node: unknown): number | undefined {
  return isNode(node) ? (node satisfies Node).range?.[0] : undefined;
}

/**
 * Reads and parses a YAML file.
 * @throws E_CONFIG_UNREADABLE, E_CONFIG
 */
export async function readYaml(path: string): Promise<YamlFile> {
  let source: string;
  try {
    source = await readFile(path, "utf8");
  } catch (cause) {
    throw new GatewayError("E_CONFIG_UNREADABLE", `${path}: ${whyUnreadable(cause)}`, { cause });
  }
  return new YamlFile(path, source);
}

const unreadable: Readonly<Record<string, string>> = {
  ENOENT: "is not there",
  EISDIR: "is a folder, not a file",
  ENOTDIR: "is not a folder",
  EEXIST: "is not a folder",
  EACCES: "may not be used by this user",
};

/** Why a file or folder could not be read or made, for a person. */
export function whyUnreadable(cause: unknown): string {
  return unreadable[systemCode(cause) ?? ""] ?? messageOf(cause);
}
