/**
 * The files of a copy: how far it came, as JSON, and the lines that its target refused, in the
 * form of the dead-letter file, so that `store retry --file` can write them later.
 *
 * Limit: 64 MiB of refused lines; a target that refuses more does not fit.
 */
import { basename, dirname } from "node:path";
import { v } from "../config/index.ts";
import type { CopyState } from "../store/index.ts";
import { asideText } from "../store/index.ts";
import type { Disk, Line } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import { shareFolder } from "./folder.ts";

const maxRefused = 64 * 1024 * 1024;

const stateForm = v.object({
  source: v.string(),
  target: v.string(),
  since: v.number(),
  until: v.number(),
  done: v.array(v.string()),
  measurement: v.optional(v.string()),
  from: v.optional(v.number()),
  rows: v.number(),
  refused: v.number(),
});

/** From where to where, as the command line names them. */
export interface CopyRoute {
  readonly source: string;
  readonly target: string;
}

/** The files of one copy. */
export class CopyFiles {
  readonly #disk: Disk;
  readonly #name: string;
  readonly #route: CopyRoute;

  private constructor(disk: Disk, name: string, route: CopyRoute) {
    this.#disk = disk;
    this.#name = name;
    this.#route = route;
  }

  static async open(path: string, route: CopyRoute): Promise<CopyFiles> {
    return new CopyFiles(await shareFolder(dirname(path)), basename(path), route);
  }

  /** Name of the file of refused lines, beside the state. */
  get refusedName(): string {
    return `${this.#name}.refused.jsonl`;
  }

  /** The state of a copy that was cut; undefined when there is none. @throws E_USAGE */
  async load(): Promise<CopyState | undefined> {
    const bytes = await this.#disk.readAll(this.#name);
    if (bytes === undefined) return undefined;
    const { source, target, ...state } = parse(bytes) ?? {};
    if (source === this.#route.source && target === this.#route.target && isState(state))
      return state;
    const why = "is not of this copy; remove it to begin anew, or give another --state";
    throw new GatewayError("E_USAGE", `${this.#name} ${why}`);
  }

  async save(state: CopyState): Promise<void> {
    await this.#disk.replace(this.#name, Buffer.from(JSON.stringify({ ...this.#route, ...state })));
  }

  /** The copy is whole: another one begins anew. */
  async finish(): Promise<void> {
    await this.#disk.remove(this.#name);
  }

  /**
   * Appends refused lines. `time` is that of the whole copy, so that a line which is refused
   * again after a cut gives the same entry, and counts once when it is retried.
   * @throws E_STORE_REJECTED when there are too many
   */
  async refuse(
    refused: readonly { readonly line: Line; readonly reason: string }[],
    time: number,
  ): Promise<void> {
    const texts = refused.map(({ line, reason }) =>
      asideText({ topic: "copy", reason, content: JSON.stringify(line), line }, time),
    );
    const bytes = Buffer.from(texts.join(""));
    const file = await this.#disk.open(this.refusedName, 0);
    try {
      if (file.size + bytes.length > maxRefused) {
        const why = `the target refuses too much: ${refused[0]?.reason}`;
        throw new GatewayError("E_STORE_REJECTED", `${this.refusedName} is full; ${why}`);
      }
      await file.write(file.size, bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

function parse(bytes: Uint8Array): v.InferOutput<typeof stateForm> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString());
    const result = v.safeParse(stateForm, parsed);
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

function isState(state: Partial<CopyState>): state is CopyState {
  return state.since !== undefined;
}
