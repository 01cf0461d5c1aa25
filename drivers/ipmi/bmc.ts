/**
 * One management controller (BMC): it is asked by one program at a time, whatever sessions there
 * are, and what the programs keep between runs lies in a folder that only this user can read, and
 * that is gone with the last session.
 */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../telemetry/index.ts";
import { GatewayError, messageOf } from "../../telemetry/index.ts";
import { cancelled } from "../transport/cancelled.ts";
import type { ProgramCall, ProgramResult, RunProgram } from "../transport/program.ts";

export interface BmcParts {
  readonly run: RunProgram;
  readonly clock: Clock;
}

/** A timer may strike a little before the clock says so. @unit ms */
const early = 20;

/** A line for each of a thousand sensors has far less. @unit bytes */
const mostOutput = 1024 * 1024;

/** A result, and how long it took. */
export interface Run extends ProgramResult {
  /** @unit ms */
  readonly took: number;
}

interface List {
  /** When it was asked for. @unit ms, monotonic */
  readonly at: number;
  stamp: string | undefined;
}

export class Bmc implements AsyncDisposable {
  readonly clock: Clock;
  readonly #run: RunProgram;
  /** Ends with the last turn taken; sessions take one at a time, which bounds the chain. */
  #turns: Promise<void> = Promise.resolve();
  #folder: Promise<string> | undefined;
  /** The lists of sensors, by file. */
  readonly #lists = new Map<string, List>();

  constructor({ run, clock }: BmcParts) {
    this.#run = run;
    this.clock = clock;
  }

  /** Nobody else asks while `work` is under way. @throws E_DISCONNECTED, and its own */
  async turn<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    const before = this.#turns;
    const { promise, resolve: end } = Promise.withResolvers<void>();
    this.#turns = before.then(() => promise);
    try {
      await unlessAborted(before, signal);
      return await work();
    } finally {
      end();
    }
  }

  /**
   * Runs a program. One that does not end in its time waits for the controller.
   * @throws E_DEVICE_TIMEOUT, E_PROGRAM_MISSING, E_PROGRAM, E_DISCONNECTED
   */
  async run(call: ProgramCall, signal: AbortSignal): Promise<Run> {
    const began = this.clock.monotonic();
    try {
      const result = await this.#run({ ...call, limit: mostOutput }, signal);
      return { ...result, took: this.clock.monotonic() - began };
    } catch (error) {
      const late = this.clock.monotonic() - began >= call.timeout - early;
      if (!(error instanceof GatewayError) || error.code !== "E_PROGRAM" || !late) throw error;
      throw new GatewayError("E_DEVICE_TIMEOUT", error.message, { cause: error });
    }
  }

  /** A file of this controller's own. @throws E_PROGRAM when there is no place for it */
  async path(name: string): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), "rackstreet-ipmi-"));
    try {
      return join(await translated(this.#folder), name);
    } catch (error) {
      this.#folder = undefined;
      throw error;
    }
  }

  /** Writes what a program must be told and no other user may see; `work` has it, then it goes. */
  async withSecret<Result>(
    content: string,
    work: (path: string) => Promise<Result>,
  ): Promise<Result> {
    const path = await this.file("secret.conf", content);
    try {
      return await work(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  /**
   * A file or folder that `make` makes, anew when it is older than `age` ms. What was only begun
   * never stands in its place.
   */
  async list(name: string, age: number, make: (path: string) => Promise<void>): Promise<string> {
    const path = await this.path(name);
    const known = this.#lists.get(name);
    if (known !== undefined && this.clock.monotonic() - known.at < age) return path;
    const begun = await this.path(`${name}.new`);
    await translated(rm(begun, { recursive: true, force: true }));
    await make(begun);
    await translated(rm(path, { recursive: true, force: true }));
    await translated(rename(begun, path));
    this.#lists.set(name, { at: this.clock.monotonic(), stamp: undefined });
    return path;
  }

  /** Whether a list is still the one of this stamp; the first stamp is the one it had. */
  isOf(name: string, stamp: string): boolean {
    const known = this.#lists.get(name);
    if (known === undefined) return false;
    known.stamp ??= stamp;
    return known.stamp === stamp;
  }

  /** A file with this content, for a program to read. */
  async file(name: string, content: string): Promise<string> {
    const path = await this.path(name);
    await translated(writeFile(path, content, { mode: 0o600 }));
    return path;
  }

  /** The next reading asks for the list again. */
  forget(name: string): void {
    this.#lists.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const folder = this.#folder;
    this.#folder = undefined;
    this.#lists.clear();
    if (folder === undefined) return;
    // What still runs there has been killed, and holds no file of it open for long.
    await this.#turns.catch(() => undefined);
    await folder.then((path) => rm(path, { recursive: true, force: true })).catch(() => undefined);
  }
}

async function translated<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (cause) {
    const why = `no place for the files of the program: ${messageOf(cause)}`;
    throw new GatewayError("E_PROGRAM", why, { cause });
  }
}

function unlessAborted(turn: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cancelled(signal));
    const onAbort = (): void => reject(cancelled(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    void turn.then(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}
