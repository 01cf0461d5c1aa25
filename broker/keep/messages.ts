/** What goes between the hub and the thread that keeps its retained messages and sessions. */
import { v } from "../../config/index.ts";

/** One table a kind of thing; keys are the things' own. */
export const tables = ["retained", "session", "queued"] as const;
export type Table = (typeof tables)[number];

/** What is there now under a key; undefined: nothing. */
export interface Change {
  readonly table: Table;
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

export interface Entry {
  readonly table: Table;
  readonly key: string;
  readonly value: Uint8Array;
}

const bytes = v.custom<Uint8Array>((input) => input instanceof Uint8Array);
const key = v.object({ table: v.picklist(tables), key: v.string() });

export const toKeeper = v.variant("kind", [
  v.object({ kind: v.literal("open"), path: v.string() }),
  v.object({
    kind: v.literal("change"),
    id: v.number(),
    changes: v.array(v.object({ ...key.entries, value: v.optional(bytes) })),
  }),
  v.object({ kind: v.literal("close") }),
]);
export type ToKeeper = v.InferOutput<typeof toKeeper>;

export const fromKeeper = v.variant("kind", [
  v.object({
    kind: v.literal("entries"),
    entries: v.array(v.object({ ...key.entries, value: bytes })),
  }),
  v.object({ kind: v.literal("damaged"), aside: v.string(), why: v.string() }),
  v.object({ kind: v.literal("ready") }),
  v.object({ kind: v.literal("kept"), id: v.number() }),
  v.object({ kind: v.literal("failed"), why: v.string() }),
  v.object({ kind: v.literal("closed") }),
]);
export type FromKeeper = v.InferOutput<typeof fromKeeper>;
