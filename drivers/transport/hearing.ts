/**
 * What every session of a listening driver shares: one `listen` that ends as the contract wants it,
 * a watch over silence, and a pace that keeps a chatty device from filling the spool.
 */
import type { Clock, Reading, Timer } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Group, Heard, Origin, Session, Source } from "../contract.ts";
import type { Audience, Ear } from "./audience.ts";

/** What a listening driver says of one device. */
export interface Hearing<Message, Mark extends object = object> {
  /** For messages: the device and where it is heard. */
  readonly name: string;
  readonly audience: Audience<Message, Ear<Message> & Mark>;
  /** What the way must know of this listener. */
  readonly mark: Mark;
  readonly clock: Clock;
  /** A device that says nothing for so long is lost; undefined: it may. @unit ms */
  readonly silence: number | undefined;
  /** Makes readings of what is heard, for one call of `listen`. */
  ear(heard: (heard: Heard) => void, listening: Listening): (message: Message) => Understood;
  origin(): Origin;
}

/** One call of `listen`, for ears that do more than to hear. */
export interface Listening {
  /** Aborts when it ends, whatever ended it. */
  readonly signal: AbortSignal;
  /** Ends it: what was heard says that the device is gone. */
  lost(error: GatewayError): void;
}

/**
 * Whether a message was this device's: `said` ends a silence; `noise` shows that something is
 * there, though nothing that can be understood.
 */
export type Understood = "said" | "noise" | "other";

/** One device that speaks by itself; it has no groups. */
export class HearingSession<Message, Mark extends object = object> implements Session {
  readonly groups: readonly Group[] = [];
  readonly #hearing: Hearing<Message, Mark>;
  readonly #ending = new AbortController();

  constructor(hearing: Hearing<Message, Mark>) {
    this.#hearing = hearing;
  }

  /** There are no groups to read. @throws E_DISCONNECTED when closed */
  read(_groups: readonly string[], signal: AbortSignal): Promise<Reading> {
    if (!signal.aborted && !this.#ending.signal.aborted) {
      return Promise.resolve({ points: [], faults: [] });
    }
    return Promise.reject(new GatewayError("E_DISCONNECTED", "the reading was cancelled"));
  }

  /** @throws what opening the way throws, E_DISCONNECTED, E_SILENT, E_DEVICE_FRAME */
  listen(heard: (heard: Heard) => void, signal: AbortSignal): Promise<void> {
    const closed = this.#ending.signal;
    const { name } = this.#hearing;
    if (closed.aborted) {
      return Promise.reject(new GatewayError("E_DISCONNECTED", `${name}: the session was closed`));
    }
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const life = new AbortController();
      const end = (settle: () => void): void => {
        life.abort();
        leave();
        watch?.end();
        signal.removeEventListener("abort", stop);
        closed.removeEventListener("abort", stop);
        settle();
      };
      const stop = (): void => end(resolve);
      const failed = (error: unknown): void => end(() => reject(error));
      const { audience, clock, mark, silence } = this.#hearing;
      // First: it may throw.
      const understand = this.#hearing.ear(heard, { signal: life.signal, lost: failed });
      const watch =
        silence === undefined ? undefined : new SilenceWatch(clock, silence, { name, failed });
      const heardOne = (message: Message): void => {
        const understood = understand(message);
        watch?.note(understood);
      };
      const leave = audience.join({ ...mark, heard: heardOne, failed });
      signal.addEventListener("abort", stop, { once: true });
      closed.addEventListener("abort", stop, { once: true });
    });
  }

  origin(): Origin {
    return this.#hearing.origin();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    return Promise.resolve();
  }
}

interface Watched {
  readonly name: string;
  readonly failed: (error: GatewayError) => void;
}

/** Notices a device that has fallen silent; one timer, whatever comes in between. */
class SilenceWatch {
  readonly #clock: Clock;
  readonly #longest: number;
  readonly #watched: Watched;
  #last: number;
  #noise = false;
  #timer: Timer;

  constructor(clock: Clock, longest: number, watched: Watched) {
    this.#clock = clock;
    this.#longest = longest;
    this.#watched = watched;
    this.#last = clock.monotonic();
    this.#timer = clock.after(longest, () => this.#look());
  }

  note(understood: Understood): void {
    if (understood === "noise") this.#noise = true;
    if (understood !== "said") return;
    this.#noise = false;
    this.#last = this.#clock.monotonic();
  }

  end(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const left = this.#last + this.#longest - this.#clock.monotonic();
    if (left > 0) {
      this.#timer = this.#clock.after(left, () => this.#look());
      return;
    }
    const { name, failed } = this.#watched;
    const within = `within ${this.#longest / 1000} s`;
    const error = this.#noise
      ? new GatewayError("E_DEVICE_FRAME", `${name}: bytes came, but no valid frame ${within}`)
      : new GatewayError("E_SILENT", `${name}: nothing was heard ${within}`);
    failed(error);
  }
}

/** Lets one reading through in each span of time. */
export class Pace {
  readonly #clock: Clock;
  readonly #every: number;
  #next = Number.NEGATIVE_INFINITY;

  /** @param every 0: each may pass. @unit ms */
  constructor(clock: Clock, every: number) {
    this.#clock = clock;
    this.#every = every;
  }

  /** Whether it is time; asking takes the turn. */
  due(): boolean {
    const now = this.#clock.monotonic();
    if (now < this.#next) return false;
    // Keeps the beat, unless it was missed: a device of one second is not heard every eleventh.
    const beat = this.#next + this.#every;
    this.#next = beat > now ? beat : now + this.#every;
    return true;
  }
}

/** Bounds how many messages of one device are taken; what is over is the sender's fault. */
export class Allowance {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #since: number;

  constructor(
    clock: Clock,
    { burst, perSecond }: { readonly burst: number; readonly perSecond: number },
  ) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#since = clock.monotonic();
  }

  /** Whether one more may pass. */
  take(): boolean {
    const now = this.#clock.monotonic();
    const earned = ((now - this.#since) / 1000) * this.#perSecond;
    this.#left = Math.min(this.#burst, this.#left + earned);
    this.#since = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/** Sources remembered of one device. */
const maxSources = 2000;

/** Where values come from, for a device whose values are known only once they were heard. */
export class LearnedSources {
  readonly #sources = new Map<string, Source>();

  get all(): readonly Source[] {
    return [...this.#sources.values()];
  }

  /** Passes readings on, and remembers their places; the newest of a field counts. */
  noting(heard: (heard: Heard) => void): (heard: Heard) => void {
    return (one) => {
      for (const { measurement, channel, field, at } of one.traces ?? []) {
        const key = `${measurement} ${channel} ${field}`;
        if (!this.#sources.has(key) && this.#sources.size >= maxSources) continue;
        this.#sources.set(key, { measurement, channel, field, at });
      }
      heard(one);
    };
  }
}

/** Further ahead no clock may be that is set at all. @unit ms */
const mostAhead = 600_000;

/** Before this none of these devices was made: the clock has lost its battery. */
const firstMoment = Date.UTC(2015, 0, 1);

/**
 * Whether a device's own time can be true. One ahead would make all that follows look late, until
 * that time has come.
 * @unit ms since 1970-01-01 UTC
 */
export function isCredible(time: number, clock: Clock): boolean {
  return time >= firstMoment && time <= clock.now() + mostAhead;
}
