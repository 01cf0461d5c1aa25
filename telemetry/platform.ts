/**
 * What the world gives us, as parameters: time, disk, entropy and a log. `cli/platform.ts` holds
 * the real ones; the voyage tests hold virtual ones. Only interfaces live here, no I/O.
 */

/** A pending call of `Clock.after`. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, in whole numbers. @unit ms since 1970-01-01 UTC; may jump. */
  now(): number;
  /** Never goes back, has no epoch. @unit ms */
  monotonic(): number;
  /** Calls `run` once, `ms` from now; as soon as may be where that is past. */
  after(ms: number, run: () => void): Timer;
  /**
   * As `after`, but to a fraction of a millisecond and never early, at the price of a busy core for
   * the last of it: for waits of a few ms that a bus pays for. Absent: `after` is as good.
   */
  precisely?(ms: number, run: () => void): Timer;
}

export interface Entropy {
  /** A new identifier of 16 hexadecimal digits. */
  id(): string;
  /** Uniform in [0, 1). */
  random(): number;
}

/** One open file. Positions are byte offsets; callers never issue two writes at once. */
export interface DiskFile {
  readonly size: number;
  read(position: number, length: number): Promise<Uint8Array>;
  write(position: number, bytes: Uint8Array): Promise<void>;
  /** Returns when everything written before is durable (fdatasync). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A folder of files; names hold no separators. */
export interface Disk {
  list(): Promise<readonly string[]>;
  /** Opens a file, creating it zero-filled with `size` bytes when it is not there. */
  open(name: string, size: number): Promise<DiskFile>;
  remove(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Whole content, or undefined when there is no such file. */
  readAll(name: string): Promise<Uint8Array | undefined>;
  /**
   * Replaces a file so that a crash leaves the old or the new content, never a mixture. What is
   * secret only this user may read (mode 0600).
   */
  replace(name: string, bytes: Uint8Array, how?: { readonly secret: boolean }): Promise<void>;
  /** Space left for new files. @unit bytes */
  free(): Promise<number>;
}

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Structured log: the message is a past-tense event, the fields say which and where. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** What a room is given to run: nothing in it reaches for a global. */
export interface Platform {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}

/**
 * Waits `ms`; returns early, without an error, when `signal` aborts.
 * @unit ms
 */
export function sleep(
  clock: Pick<Clock, "after">,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.after(ms, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** Of longer waits a ms is too small a part to be precise about. @unit ms */
const longestPrecise = 100;

/** As `sleep`, but as precise as the clock can be. @unit ms */
export function sleepPrecisely(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (clock.precisely === undefined || ms > longestPrecise) return sleep(clock, ms, signal);
  return sleep(
    { after: (left, run) => clock.precisely?.(left, run) ?? clock.after(left, run) },
    ms,
    signal,
  );
}
