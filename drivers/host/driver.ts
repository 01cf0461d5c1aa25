/**
 * The machine this agent runs on: load and memory, temperatures, power counters. Nothing needs
 * root; what root alone may read is left out after one fault. Each part is a group of its own.
 *
 *   load     host: load, processor, memory, swap, uptime       load.ts
 *   thermal  thermal: hwmon chips and thermal zones            thermal.ts
 *   power    host_power: RAPL energy counters                  power.ts
 *
 * Sensors come and go (modules load after boot, disks are hot-plugged): the session looks again
 * every `rescanMs`.
 */
import { option, text, v } from "../../config/index.ts";
import type { Clock, Reading } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Group, Origin, Session, Source, Trace } from "../contract.ts";
import { defineDriver } from "../contract.ts";
import { HostFiles } from "./files.ts";
import { LoadPart } from "./load.ts";
import { PowerPart } from "./power.ts";
import { pointOf } from "./row.ts";
import type { Row } from "./row.ts";
import { ThermalPart } from "./thermal.ts";

/** Looking costs about a millisecond a chip. */
const rescanMs = 600_000;

/** Sources remembered: more than a machine has sensors. */
const maxSources = 2000;

const partNames = ["load", "thermal", "power"] as const;
type PartName = (typeof partNames)[number];

const options = {
  parts: option(
    v.optional(v.pipe(v.array(v.picklist(partNames)), v.minLength(1)), [...partNames]),
    {
      about: "What to read of this machine: load, thermal, power.",
    },
  ),
  root: option(v.optional(text, "/"), {
    about: "Folder that holds proc and sys; another than / inside a container.",
    example: "/host",
  }),
};

const parse = v.strictObject(options);

type HostOptions = v.InferOutput<typeof parse>;

/** The driver `host`. */
export const hostDriver = defineDriver({
  name: "host",
  about: "The machine the agent runs on: load, memory, temperatures, power.",
  options,
  parse,
  create: ({ clock }) => ({
    busKey: (target) => `host:${target.options.root}`,
    open: (target) => Promise.resolve(new HostSession(target.options, clock)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
});

interface Part {
  scan?(): Promise<void>;
  read(): Promise<Row[]>;
}

class HostSession implements Session {
  readonly groups: readonly Group[];
  readonly #clock: Clock;
  readonly #files: HostFiles;
  readonly #parts: ReadonlyMap<string, Part>;
  readonly #sources = new Map<string, Source>();
  #scannedAt: number | undefined;
  #closed = false;

  constructor({ parts, root }: HostOptions, clock: Clock) {
    const files = new HostFiles(root);
    const make: Record<PartName, () => Part> = {
      load: () => new LoadPart(files),
      thermal: () => new ThermalPart(files),
      power: () => new PowerPart(files, clock),
    };
    this.groups = parts.map((name) => ({ name, every: undefined }));
    this.#clock = clock;
    this.#files = files;
    this.#parts = new Map(parts.map((name) => [name, make[name]()]));
  }

  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    this.#stopIfEnded(signal);
    await this.#scan();
    const rows: Row[] = [];
    for (const [name, part] of this.#parts) {
      if (groups.includes(name)) rows.push(...(await part.read()));
      this.#stopIfEnded(signal);
    }
    if (rows.length === 0 && groups.includes("load")) {
      throw new GatewayError("E_HOST_SENSOR", "neither /proc nor /sys gave a value");
    }
    const points = rows.map((row) =>
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

  #note({ measurement, channel, field, at }: Trace): void {
    const key = `${measurement} ${channel} ${field}`;
    if (this.#sources.has(key) || this.#sources.size >= maxSources) return;
    this.#sources.set(key, { measurement, channel, field, at });
  }

  async #scan(): Promise<void> {
    const now = this.#clock.monotonic();
    if (this.#scannedAt !== undefined && now - this.#scannedAt < rescanMs) return;
    for (const part of this.#parts.values()) await part.scan?.();
    this.#scannedAt = now;
  }

  /** @throws E_DISCONNECTED */
  #stopIfEnded(signal: AbortSignal): void {
    if (!signal.aborted && !this.#closed) return;
    throw new GatewayError("E_DISCONNECTED", "the reading was cancelled");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}
