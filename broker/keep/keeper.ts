/**
 * Keeps the broker's retained messages and sessions over restarts: changes are gathered for a
 * moment, the newest of a key counts, and go to a thread of their own. While that is busy or the
 * file cannot be written, they wait here, where there is one of each key.
 */
import type { Worker } from "node:worker_threads";
import { v } from "../../config/index.ts";
import type { Clock, Log, Timer } from "../../telemetry/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import type { Entry, FromKeeper, Table, ToKeeper } from "./messages.ts";
import { fromKeeper } from "./messages.ts";

/** Longest wait for company. @unit ms */
const gather = 100;
/** After a failure. @unit ms */
const again = 5000;
/** Changes of one transaction. */
const atOnce = 2000;

export interface KeeperParts {
  readonly worker: Worker;
  readonly path: string;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
}

/** What is there now, as bytes once it is sent: most changes are overtaken before. */
type Value = (() => Uint8Array) | undefined;

export class Keeper implements AsyncDisposable {
  readonly #parts: KeeperParts;
  /** By table and key; undefined: to be removed. Bounded as what is kept is. */
  readonly #waiting = new Map<string, Value>();
  #underWay = new Map<string, Value>();
  #timer: Timer | undefined;
  #id = 0;
  #failing = false;
  readonly #gone: Promise<void>;

  private constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#gone = new Promise((resolve) => {
      parts.worker.on("exit", () => resolve());
    });
  }

  /**
   * Opens the file; all that it holds is handed over first.
   * @throws E_CONFIG when it cannot be opened
   */
  static open(parts: KeeperParts, each: (entry: Entry) => void): Promise<Keeper> {
    const keeper = new Keeper(parts);
    const { worker, path } = parts;
    return new Promise((resolve, reject) => {
      let ready = false;
      const fail = (why: string): void => {
        if (ready) return keeper.#failed(why);
        void worker.terminate();
        reject(new GatewayError("E_CONFIG", `hub.data: ${path}: ${why}`));
      };
      worker.on("message", (message: unknown) => {
        const parsed = v.safeParse(fromKeeper, message);
        if (!parsed.success) return;
        const said = parsed.output;
        if (said.kind === "entries") for (const entry of said.entries) each(entry);
        else if (said.kind === "damaged") {
          const { aside, why } = said;
          parts.log.error("retained messages and sessions were damaged", { path, aside, why });
        } else if (said.kind === "failed") fail(said.why);
        else if (said.kind === "ready") {
          ready = true;
          resolve(keeper);
        } else keeper.#heard(said);
      });
      worker.on("error", (error) => fail(messageOf(error)));
      keeper.#post({ kind: "open", path });
    });
  }

  /** Notes what is there now under a key; undefined: nothing. */
  note(table: Table, key: string, value: Value): void {
    this.#waiting.set(`${table} ${key}`, value);
    this.#schedule(gather);
  }

  /** Keeps what waits, and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    while (this.#waiting.size > 0) this.#send();
    this.#post({ kind: "close" });
    await this.#gone;
  }

  #schedule(wait: number): void {
    if (this.#timer !== undefined || this.#underWay.size > 0) return;
    this.#timer = this.#parts.clock.after(wait, () => {
      this.#timer = undefined;
      this.#send();
    });
  }

  #send(): void {
    const batch = new Map([...this.#waiting].slice(0, atOnce));
    for (const name of batch.keys()) this.#waiting.delete(name);
    this.#underWay = batch;
    this.#id += 1;
    const changes = [...batch].map(([name, value]) => ({ ...placeOf(name), value: value?.() }));
    this.#post({ kind: "change", id: this.#id, changes });
  }

  #heard(said: FromKeeper): void {
    if (said.kind !== "kept" || said.id !== this.#id) return;
    if (this.#failing) this.#parts.log.info("retained messages and sessions are kept again");
    this.#failing = false;
    this.#underWay = new Map();
    if (this.#waiting.size > 0) this.#schedule(gather);
  }

  #failed(why: string): void {
    if (!this.#failing) this.#parts.log.error("retained messages and sessions not kept", { why });
    this.#failing = true;
    for (const [name, value] of this.#underWay) {
      if (!this.#waiting.has(name)) this.#waiting.set(name, value);
    }
    this.#underWay = new Map();
    this.#schedule(again);
  }

  #post(message: ToKeeper): void {
    this.#parts.worker.postMessage(message);
  }
}

function placeOf(name: string): { readonly table: Table; readonly key: string } {
  const [table = ""] = name.split(" ", 1);
  const key = name.slice(table.length + 1);
  return { table: table === "retained" || table === "session" ? table : "queued", key };
}
