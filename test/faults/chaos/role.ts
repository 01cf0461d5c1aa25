/**
 * A process that is killed, paused and started again. What ends by itself is started again as
 * systemd would, and noted: a bug (exit code 70) is a finding.
 */
import type { Rackstreet } from "../../rackstreet.ts";
import { startRackstreet } from "../../rackstreet.ts";

/** What chaos does to a process. */
export interface Victim {
  readonly pid: number;
  kill9(): Promise<void>;
  restart(): Promise<void>;
}

/** The agent or the hub, from the built binary. */
export class Role implements Victim, AsyncDisposable {
  readonly #args: readonly string[];
  readonly #command: readonly [string, ...string[]];
  readonly #onEnd: (process: Rackstreet) => void;
  /** Ends that nobody asked for: exit code and last words. */
  readonly ends: string[] = [];
  /** What its earlier processes wrote. */
  #said = "";
  #process: Rackstreet;
  #wanted = true;

  constructor(
    command: readonly [string, ...string[]],
    args: readonly string[],
    onEnd: (process: Rackstreet) => void,
  ) {
    this.#command = command;
    this.#args = args;
    this.#onEnd = onEnd;
    this.#process = this.#start();
  }

  get pid(): number {
    return this.#process.pid;
  }

  get process(): Rackstreet {
    return this.#process;
  }

  /** All that it ever wrote on standard error. */
  get said(): string {
    return this.#said + this.#process.stderr();
  }

  async kill9(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends it in good order. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  restart(): Promise<void> {
    this.#wanted = true;
    this.#said += this.#process.stderr();
    this.#process = this.#start();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill9();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#wanted = false;
    await this.#process.end(signal);
    this.#onEnd(this.#process);
  }

  #start(): Rackstreet {
    const started = startRackstreet(this.#args, this.#command);
    void started.ended().then((code) => {
      if (!this.#wanted || this.#process !== started) return;
      this.ends.push(`${this.#args[0] ?? ""} ended with ${code}: ${started.stderr().slice(-500)}`);
      this.#onEnd(started);
      this.#said += started.stderr();
      this.#process = this.#start();
    });
    return started;
  }
}
