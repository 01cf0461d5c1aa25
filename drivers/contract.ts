/**
 * The contract of a driver. A driver knows a protocol and nothing else: it never schedules,
 * retries, logs success, spools or publishes. The agent owns time, retry, back-off and counters.
 *
 * Adding a driver: a folder with `index.ts` that exports `defineDriver({...})`, one line in
 * `drivers/registry.ts`, golden cases, and the exam in `test/contract/driver.ts`.
 */
import type { Profile, ProfileParts, Schema } from "../config/index.ts";
import { profileSchema, v } from "../config/index.ts";
import type { FieldValue, Platform, Reading } from "../telemetry/index.ts";
import { GatewayError, invariant } from "../telemetry/index.ts";

/** A part of a device that is read at its own pace. */
export interface Group {
  readonly name: string;
  /** Read at most this often; undefined: at the device's interval. @unit ms */
  readonly every: number | undefined;
}

/** Where one field of one channel is read. */
export interface Place {
  readonly measurement: string;
  /** Value of the channel tag, or empty. */
  readonly channel: string;
  readonly field: string;
  /** Where it is read: `input 0x0000 ×2`. */
  readonly at: string;
}

/** What stands behind one value, for `rackstreet read`. */
export interface Trace extends Place {
  /** What was on the wire: `4366 2666`. */
  readonly raw: string;
}

/** Where one field comes from and how its value is made of what stands there. */
export interface Source extends Place {
  /** In the driver's own words and as JSON; `DriverKind.explain` understands it again. */
  readonly form?: Readonly<Record<string, unknown>> | undefined;
  /** Read this seldom at most. @unit ms */
  readonly every?: number | undefined;
}

/** Where a device's values come from. It is published in `meta`: nothing secret stands in it. */
export interface Origin {
  /** How the device is reached: `{address: "tcp://10.0.0.7:502", unit: 3}`. */
  readonly endpoint: Readonly<Record<string, string | number>>;
  /** Bounded by the device; a driver that learns what there is has them after a read. */
  readonly sources: readonly Source[];
}

/** The way of one stored value back to the wire, worked out from its source alone. */
export interface Way {
  /** The source in single facts: function, address, type … */
  readonly facts: Readonly<Record<string, string | number>>;
  /** What must have been on the wire; undefined when the value does not tell. */
  readonly raw: string | undefined;
  /** Why it is not certain that this was on the wire; none: nothing else gives the value. */
  readonly doubts: readonly string[];
  /** From the wire to the value; what a step gives is undefined where the value does not tell. */
  readonly steps: readonly Step[];
}

export interface Step {
  readonly does: string;
  readonly gives: string | undefined;
}

/** One request that a session would send. */
export interface PlannedRequest {
  /** What it asks for: `input 0x0000 ×12`. */
  readonly at: string;
  /** How many registers or bits it brings, and how many of them are wanted. */
  readonly reads: number;
  readonly wanted: number;
  /** How long it keeps its wire, as far as is known by now. @unit ms */
  readonly ms: number;
  /** What that consists of, in the driver's own words. @unit ms */
  readonly parts: Readonly<Record<string, number>>;
}

/** What reading some groups together takes, and what the device is to its wire. */
export interface ReadPlan {
  readonly requests: readonly PlannedRequest[];
  /** On a wire that drives only so many receivers: how many this one counts. [TIA-485-A] */
  readonly unitLoad: number | undefined;
}

/**
 * One open device. Calls never overlap: the caller waits for one before the next. After an error
 * with verdict `retry` the session stays usable: the next `read` connects again if it must.
 */
export interface Session extends AsyncDisposable {
  /** At least one, unless it listens; stable for the session's life. */
  readonly groups: readonly Group[];
  /**
   * Reads the groups named, in as few requests as the device allows. Part of a device that cannot
   * be read becomes a fault beside the points of the rest; when nothing can be read it throws.
   * `trace` is called for each value, for people who want to see the raw side.
   * @throws GatewayError, translated at the door of the protocol
   */
  read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading>;
  /**
   * Asks the device one short thing and waits for it no longer than it ever took: a way to find
   * out, at little cost for the others on its wire, whether a device that fell silent is back.
   * Resolves when it answered, be it with a refusal.
   * @throws GatewayError as `read` does
   */
  probe?(signal: AbortSignal): Promise<void>;
  /** Where its values come from, for a driver that can say it; costs no request. */
  origin?(): Origin;
  /** How it would read these groups now, for a driver with a plan; costs no request. */
  plan?(groups: readonly string[]): ReadPlan;
  /** For a device that speaks when it likes; such a session may have no groups. */
  listen?: Listener["listen"];
  /** For a device on which something can be set. */
  readonly actuator?: Actuator | undefined;
}

/** What may be set on a device. */
export interface Setting {
  /** Like a field's name, its unit at the end: `level_pct`. */
  readonly name: string;
  readonly about: string;
  /** Lowest and highest value. */
  readonly range: readonly [number, number];
}

/** The power to set something. The agent asks for nothing that the configuration does not name. */
export interface Actuator {
  readonly settings: readonly Setting[];
  /**
   * Sets one value in the unit of its name, once: it is never sent again. It may be called while a
   * read is under way.
   * @throws GatewayError when it surely was not done
   */
  set(setting: string, value: number, signal: AbortSignal): Promise<SetReport>;
}

/** What is known after a value was sent. */
export type SetReport =
  | {
      readonly outcome: "done";
      /** What the device shows now, where it can be read back. */
      readonly shown: number | undefined;
    }
  /** No answer, or none that can be trusted; it may have been done. */
  | { readonly outcome: "unknown"; readonly error: GatewayError };

/** A device that is not asked but heard. */
export interface Listener {
  /**
   * Hands over each reading as it comes until `signal` aborts, and returns then. When the way to
   * the device breaks it throws, and the agent calls again, later each time.
   * @throws GatewayError, translated at the door of the protocol
   */
  listen(heard: (heard: Heard) => void, signal: AbortSignal): Promise<void>;
}

/** One message of a device that speaks by itself. */
export interface Heard {
  readonly reading: Reading;
  /** When the device measured, where the message says so; else the agent's time counts.
   * @unit ms since 1970-01-01 UTC */
  readonly time?: number | undefined;
  /** What stands behind its values, as in `Session.read`. */
  readonly traces?: readonly Trace[] | undefined;
}

/**
 * What a session remembers over restarts, such as where its counters stood. A session keeps it
 * before it hands over the reading that it goes with; the agent makes it durable before it spools
 * that reading, so that what is remembered is never older than what was told.
 */
export interface Memory {
  /** What was kept last, as JSON gives it; undefined when there is nothing. */
  readonly kept: unknown;
  /** Keeps this instead: plain JSON, a few KiB at most. */
  keep(value: unknown): void;
}

/** One configured device, as a driver sees it. */
export interface Target<Options, Parts> {
  readonly id: string;
  readonly options: Options;
  readonly profile: Parts | undefined;
  /** Absent: nothing is remembered, as in a single reading. */
  readonly memory?: Memory | undefined;
}

/** A driver at work: it may share connections between the devices of one wire. */
export interface Driver<Options = unknown, Parts = unknown> extends AsyncDisposable {
  /** Names the wire that only one request may use at a time; equal keys share it. */
  busKey(target: Target<Options, Parts>): string;
  /** How many devices of one wire may be read at once; one when left out. */
  width?(target: Target<Options, Parts>): number;
  /** Prepares a device without waiting for it: connecting may be left to the first `read`. */
  open(target: Target<Options, Parts>): Promise<Session>;
}

/** What a driver is given: the platform, and the buses of the configuration by name. */
export interface DriverContext extends Platform {
  readonly buses: Readonly<Record<string, unknown>>;
}

interface DriverSpec<Options, Header, Field, Place> {
  readonly name: string;
  /** One sentence for the reference. */
  readonly about: string;
  /** What a device of this driver may be given in the configuration. */
  readonly options: Readonly<Record<string, Schema>>;
  readonly parse: Schema<Options>;
  /** The driver's part of a profile; undefined when it needs none. */
  readonly profile?: ProfileParts<Header, Field, Place>;
  /** A profile may be left out: the options may hold what stands in one. */
  readonly profileOptional?: boolean;
  /** Tries without hardware whether options and profile fit together. @throws GatewayError */
  readonly tryOut?: (options: Options, profile?: Profile<Header, Field, Place>) => void;
  readonly explain?: DriverKind["explain"];
  create(context: DriverContext): Driver<Options, Profile<Header, Field, Place>>;
}

/** A driver as the registry holds it: options and profiles go in unparsed. */
export interface DriverKind {
  readonly name: string;
  readonly about: string;
  readonly options: Readonly<Record<string, Schema>>;
  /** The form of a profile file, or undefined when the driver needs no profile. */
  readonly profile: Schema<Profile> | undefined;
  /** Whether a device can be without a profile. */
  readonly profileOptional: boolean;
  /**
   * What is wrong with a device's options as a whole, though each may be right by itself, and with
   * its profile beside them.
   */
  problems(options: unknown, profile?: unknown): readonly string[];
  /** Goes from a stored value back to the wire, for a driver whose sources tell the way. */
  readonly explain?: ((source: Source, value: FieldValue) => Way | undefined) | undefined;
  create(context: DriverContext): Driver;
}

/**
 * Hides a driver's own types behind schemas, so that the registry can hold all drivers: what goes
 * in as `unknown` is parsed here, once, when a device is opened.
 */
export function defineDriver<Options, Header, Field, Place>(
  spec: DriverSpec<Options, Header, Field, Place>,
): DriverKind {
  type Parts = Profile<Header, Field, Place>;
  const form = spec.profile && profileSchema(spec.name, spec.profile);
  // A driver throws E_PROFILE by itself for what `problems` tells of a file.
  const opened = spec.profile && profileSchema(spec.name, { ...spec.profile, problems: undefined });
  const parsed = (target: Target<unknown, unknown>): Target<Options, Parts> => {
    invariant(form !== undefined || target.profile === undefined, `${spec.name}: no profiles`);
    return {
      id: target.id,
      options: v.parse(spec.parse, target.options),
      profile: opened && target.profile !== undefined ? v.parse(opened, target.profile) : undefined,
      memory: target.memory,
    };
  };
  return {
    name: spec.name,
    about: spec.about,
    options: spec.options,
    profile: form,
    profileOptional: form === undefined || spec.profileOptional === true,
    explain: spec.explain,
    problems(options, profile) {
      const { issues } = v.safeParse(spec.parse, options);
      if (issues !== undefined) return issues.map(({ message }) => message);
      const filed = opened && v.safeParse(opened, profile);
      // What is wrong with the file alone is told where it is read.
      if (profile !== undefined && filed?.success !== true) return [];
      return triedOut(() => {
        spec.tryOut?.(v.parse(spec.parse, options), filed?.success ? filed.output : undefined);
      });
    },
    create(context) {
      const driver = spec.create(context);
      return {
        busKey: (target) => driver.busKey(parsed(target)),
        width: (target) => driver.width?.(parsed(target)) ?? 1,
        open: (target) => driver.open(parsed(target)),
        [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
      };
    },
  };
}

function triedOut(attempt: () => void): readonly string[] {
  try {
    attempt();
    return [];
  } catch (error) {
    if (error instanceof GatewayError) return [error.message];
    throw error;
  }
}
