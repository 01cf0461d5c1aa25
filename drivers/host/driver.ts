/**
 * The machine this agent runs on. Nothing needs root; what root alone may read is left out after
 * one fault. Each part is a group of its own.
 *
 *   load         host: load, processor, memory, stalls, uptime          load.ts
 *   thermal      thermal: hwmon chips and thermal zones                 thermal.ts
 *   power        host_power: RAPL energy counters                       power.ts
 *   fans         fan: hwmon chips                                       fans.ts
 *   electrical   electrical_sensor: hwmon chips                         electrical.ts
 *   network      host_network: /proc/net/dev                            network.ts
 *   disks        host_disk: traffic, /proc/diskstats                    disks.ts
 *   filesystems  host_filesystem: statfs                                filesystems.ts
 *   cores        host_core: load and clock of each core                 cores.ts
 *   smart        host_disk: health by smartctl, at its own pace         smart.ts
 *
 * Counters of the kernel are told as they are, as anybody can compare with `ip -s link`: they are
 * 64 bits wide and begin again at 0 with the machine, which the register says of them (`restarts`),
 * so roll-ups count on. Energy counters go round within the hour, so they are made continuous here
 * and remembered (energy.ts).
 *
 * Sensors come and go (modules load after boot, disks are hot-plugged): the session looks again
 * every `rescanMs`.
 */
import type { Clock, Reading } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Group, Memory, Origin, Session, Source, Trace } from "../contract.ts";
import { defineDriver } from "../contract.ts";
import { programRunner } from "../transport/program.ts";
import { EnergyCounters } from "./energy.ts";
import { HostFiles } from "./files.ts";
import type { HostOptions } from "./options.ts";
import { hostOptions, hostOptionsSchema } from "./options.ts";
import { Parts } from "./parts.ts";
import { mergeRows, pointOf } from "./row.ts";
import type { Row } from "./row.ts";

/** Looking costs about a millisecond a chip. */
const rescanMs = 600_000;

/** Sources remembered: more than a machine has values, but for those with very many cores. */
const maxSources = 5000;

/** The driver `host`. */
export const hostDriver = defineDriver({
  name: "host",
  about: "The machine the agent runs on: load, temperatures, power, fans, disks, networks.",
  options: hostOptions,
  parse: hostOptionsSchema,
  create: ({ clock }) => ({
    busKey: (target) => `host:${target.options.root}`,
    open: (target) => Promise.resolve(new HostSession(target.options, clock, target.memory)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
});

class HostSession implements Session {
  readonly groups: readonly Group[];
  readonly #clock: Clock;
  readonly #files: HostFiles;
  readonly #energy: EnergyCounters;
  readonly #parts: Parts;
  readonly #sources = new Map<string, Source>();
  #scannedAt: number | undefined;
  #closed = false;
  /** The reading before has left no work behind, given up or not. */
  #settled: Promise<void> = Promise.resolve();

  constructor(options: HostOptions, clock: Clock, memory: Memory | undefined) {
    const every = (name: string): number | undefined =>
      name === "smart" ? options.smartEvery : undefined;
    this.groups = options.parts.map((name) => ({ name, every: every(name) }));
    this.#clock = clock;
    this.#files = new HostFiles(options.root);
    this.#energy = new EnergyCounters(clock, memory);
    this.#parts = new Parts(options, {
      clock,
      files: this.#files,
      energy: this.#energy,
      run: programRunner(clock),
    });
  }

  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    this.#stopIfEnded(signal);
    await this.#settled;
    this.#stopIfEnded(signal);
    this.#files.begin();
    const work = this.#rows(groups, signal);
    this.#settled = work.then(nothing, nothing);
    const rows = await this.#untilGivenUp(work, signal);
    if (rows.length === 0 && groups.includes("load")) {
      throw new GatewayError("E_HOST_SENSOR", "neither /proc nor /sys gave a value");
    }
    this.#energy.keep();
    const points = mergeRows(rows).map((row) =>
      pointOf(row, (one) => {
        this.#note(one);
        trace?.(one);
      }),
    );
    return { points, faults: this.#files.takeFaults() };
  }

  /** What was read so far: sensors are found by looking. */
  origin(): Origin {
    return { endpoint: {}, sources: [...this.#sources.values()] };
  }

  async #rows(groups: readonly string[], signal: AbortSignal): Promise<Row[]> {
    await this.#scan(signal);
    await this.#energy.begin(this.#files, signal);
    this.#stopIfEnded(signal);
    const rows: Row[] = [];
    for (const part of this.#parts.of(groups)) {
      rows.push(...(await part.read(signal)));
      this.#stopIfEnded(signal);
    }
    return rows;
  }

  /** A file that hangs cannot be called back; what waits behind it can be let go. */
  async #untilGivenUp<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => {
      this.#files.giveUp();
      reject(new GatewayError("E_DISCONNECTED", "the reading was cancelled"));
    };
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([work, promise]);
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  #note({ measurement, channel, field, at }: Trace): void {
    const key = `${measurement} ${channel} ${field}`;
    if (this.#sources.has(key) || this.#sources.size >= maxSources) return;
    this.#sources.set(key, { measurement, channel, field, at });
  }

  async #scan(signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    if (this.#scannedAt !== undefined && now - this.#scannedAt < rescanMs) return;
    await this.#parts.scan();
    // What was looked at while it was given up is not all there is.
    this.#scannedAt = signal.aborted ? undefined : now;
  }

  /** @throws E_DISCONNECTED */
  #stopIfEnded(signal: AbortSignal): void {
    if (!signal.aborted && !this.#closed) return;
    throw new GatewayError("E_DISCONNECTED", "the reading was cancelled");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#files.giveUp();
    return Promise.resolve();
  }
}

function nothing(): void {
  // What a reading gave is its caller's.
}
