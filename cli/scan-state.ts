/**
 * The file in which a search on a serial line rests, so that one that was cut goes on. Replaced as
 * a whole, at most once a second: a power cut costs the last second's addresses.
 */
import { basename, dirname } from "node:path";
import { v } from "../config/index.ts";
import type { SerialState } from "../drivers/index.ts";
import type { Clock, Disk } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import { shareFolder } from "./folder.ts";

/** @unit ms */
const saveEvery = 1000;

const suspicionKinds = ["damaged", "twice", "everyone", "noise", "stranger", "gateway"] as const;

const stateForm = v.object({
  done: v.record(v.string(), v.array(v.number())),
  found: v.array(
    v.object({
      unit: v.number(),
      after: v.number(),
      exception: v.optional(v.number()),
      notes: v.array(v.string()),
      setting: v.string(),
    }),
  ),
  suspicions: v.array(
    v.object({
      kind: v.picklist(suspicionKinds),
      unit: v.optional(v.number()),
      what: v.string(),
      setting: v.string(),
    }),
  ),
});

const fileForm = v.object({ search: v.string(), state: stateForm });

export class ScanState {
  readonly #disk: Disk;
  readonly #name: string;
  /** What is searched for, in words: another search must not go on with it. */
  readonly #search: string;
  readonly #clock: Clock;
  #saved = Number.NEGATIVE_INFINITY;

  private constructor(disk: Disk, name: string, parts: { search: string; clock: Clock }) {
    this.#disk = disk;
    this.#name = name;
    this.#search = parts.search;
    this.#clock = parts.clock;
  }

  static async open(path: string, search: string, clock: Clock): Promise<ScanState> {
    return new ScanState(await shareFolder(dirname(path)), basename(path), { search, clock });
  }

  /** What an earlier run knew; undefined when there was none. @throws E_USAGE */
  async load(): Promise<SerialState | undefined> {
    const bytes = await this.#disk.readAll(this.#name);
    if (bytes === undefined) return undefined;
    const file = parsed(bytes);
    if (file?.search === this.#search) return file.state;
    const why = "is not of this search; remove it to begin anew, or give another --resume";
    throw new GatewayError("E_USAGE", `${this.#name} ${why}`);
  }

  async keep(state: () => SerialState, now = false): Promise<void> {
    const time = this.#clock.monotonic();
    if (!now && time - this.#saved < saveEvery) return;
    this.#saved = time;
    const text = JSON.stringify({ search: this.#search, state: state() });
    await this.#disk.replace(this.#name, Buffer.from(text));
  }

  /** The search is whole: another one begins anew. */
  async finish(): Promise<void> {
    await this.#disk.remove(this.#name);
  }
}

function parsed(bytes: Uint8Array): v.InferOutput<typeof fileForm> | undefined {
  try {
    const data: unknown = JSON.parse(Buffer.from(bytes).toString());
    const result = v.safeParse(fileForm, data);
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}
