/**
 * A TCP connection in memory, between two processes that can die: bytes in order, each stretch
 * after a time; closed from either side; reset at any moment; or it carries one direction only, and
 * keeps what is sent the other way until it carries it again.
 */
import { Duplex } from "node:stream";
import type { Clock } from "../../telemetry/index.ts";
import type { Chance } from "./chance.ts";
import type { SimProcess } from "./process.ts";

/** Over how many bytes under way the writer must wait. @unit bytes */
const socketBuffer = 65_536;

export class End extends Duplex {
  readonly process: SimProcess;
  readonly #line: Line;
  #underWay = 0;
  #waiting: (() => void) | undefined;

  constructor(process: SimProcess, line: Line) {
    super();
    this.process = process;
    this.#line = line;
    // A reset reaches whoever listens; nobody listening is no mistake.
    this.on("error", () => undefined);
  }

  override _read(): void {
    // Bytes come when they come.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#underWay += chunk.length;
    this.#line.carry(this, chunk);
    if (this.#underWay < socketBuffer) done();
    else this.#waiting = done;
  }

  override _final(done: () => void): void {
    this.#line.carry(this, null);
    done();
  }

  override _destroy(_error: Error | null, done: (error: Error | null) => void): void {
    this.#line.closed(this);
    done(null);
  }

  /** The other side has this many bytes. */
  taken(bytes: number): void {
    this.#underWay -= bytes;
    if (this.#underWay >= socketBuffer) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

export class Line {
  readonly agent: End;
  readonly hub: End;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #newest = new Map<End, number>();
  /** Ends whose bytes are kept back. */
  readonly #held = new Map<End, (() => void)[]>();
  #reset = false;

  constructor(
    ends: { readonly agent: SimProcess; readonly hub: SimProcess },
    clock: Clock,
    chance: Chance,
  ) {
    this.#clock = clock;
    this.#chance = chance;
    this.agent = new End(ends.agent, this);
    this.hub = new End(ends.hub, this);
  }

  get open(): boolean {
    return !this.#reset && !(this.agent.destroyed && this.hub.destroyed);
  }

  carry(from: End, chunk: Buffer | null): void {
    const to = this.#other(from);
    this.#send(from, () => {
      from.taken(chunk?.length ?? 0);
      if (!to.destroyed) to.push(chunk);
    });
  }

  /** One side is gone; the other learns of it when the word arrives. */
  closed(end: End): void {
    const other = this.#other(end);
    if (!this.#reset && !other.destroyed) this.#send(end, () => other.destroy());
  }

  /** What is sent from this side waits. */
  hold(from: End): void {
    if (!this.#held.has(from)) this.#held.set(from, []);
  }

  heal(): void {
    const held = [...this.#held.values()].flat();
    this.#held.clear();
    for (const run of held) run();
  }

  /** Both sides find that it is no more; what is on the way is lost. */
  reset(): void {
    this.#reset = true;
    for (const end of [this.agent, this.hub]) {
      if (!end.process.dead) end.process.clock.after(0, () => void end.destroy());
    }
  }

  #other(end: End): End {
    return end === this.agent ? this.hub : this.agent;
  }

  #send(from: End, run: () => void): void {
    if (this.#reset) return;
    const slow = this.#chance.chance(0.02);
    const delay = slow ? this.#chance.whole(100, 2000) : this.#chance.whole(1, 20);
    const due = Math.max(this.#newest.get(from) ?? 0, this.#clock.monotonic() + delay);
    this.#newest.set(from, due);
    this.#clock.after(due - this.#clock.monotonic(), () => this.#arrive(from, run));
  }

  #arrive(from: End, run: () => void): void {
    const held = this.#held.get(from);
    if (held !== undefined) held.push(() => this.#arrive(from, run));
    else if (!this.#reset) {
      this.#other(from).process.clock.after(0, () => {
        if (!this.#reset) run();
      });
    }
  }
}
