/**
 * The source tree as the house tests see it: each file once, with its text, its comments and its
 * imports. Parsed by the parser inside vitest's own bundler (rolldown), so nothing is installed
 * for it. Generated files are part of the tree; what is not tracked by design (dist) is not.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { parseSync } from "rolldown/utils";

export const root = resolve(import.meta.dirname, "../..");

/** The rooms that ship in the binary. */
export const productRooms = [
  "telemetry",
  "config",
  "drivers",
  "agent",
  "store",
  "broker",
  "alerts",
  "console",
  "cli",
] as const;

export const rooms = [...productRooms, "test", "bench", "tools"] as const;

export interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string;
  readonly room: string;
  readonly text: string;
  /** The text with every comment blanked out; offsets stay. */
  readonly code: string;
  readonly comments: readonly string[];
  /** The modules it names, as written. */
  readonly imports: readonly string[];
}

/** Every TypeScript file of the rooms, in order of path. */
export const sources: readonly SourceFile[] = rooms.flatMap((room) =>
  filesBelow(room, ".ts").map((path) => read(path, room)),
);

export const product = sources.filter(({ room }) => productRooms.some((name) => name === room));

/** Paths below a folder, from the root, sorted. A folder that is not there is empty. */
export function filesBelow(folder: string, ending: string): string[] {
  return entriesBelow(folder)
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => posix.join(entry.parentPath.slice(root.length + 1), entry.name))
    .toSorted();
}

/** Names of all folders below one. */
export function foldersBelow(folder: string): string[] {
  return entriesBelow(folder)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function entriesBelow(folder: string) {
  try {
    return readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  } catch {
    return [];
  }
}

function read(path: string, room: string): SourceFile {
  const text = readFileSync(join(root, path), "utf8");
  const { comments, errors, module } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message ?? "does not parse"}`);
  let code = text;
  for (const { start, end } of comments) {
    const blank = text.slice(start, end).replace(/[^\n]/g, " ");
    code = code.slice(0, start) + blank + code.slice(end);
  }
  const named = [
    ...module.staticImports.map((entry) => entry.moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap((entry) => entry.moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.flatMap(({ moduleRequest }) => {
      const literal = /^["'](.+)["']$/.exec(text.slice(moduleRequest.start, moduleRequest.end));
      return literal?.[1] ?? [];
    }),
  ];
  return {
    path,
    room,
    text,
    code,
    comments: comments.map(({ start, end }) => text.slice(start, end)),
    imports: [...new Set(named)],
  };
}

/** The file in the tree that an import leads to, from the root, or undefined for a library. */
export function targetOf(from: string, specifier: string): string | undefined {
  return specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : undefined;
}

/** `yaml/util` → `yaml`, `@a/b/c` → `@a/b`, `node:fs/promises` → `node:fs`. */
export function libraryOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
