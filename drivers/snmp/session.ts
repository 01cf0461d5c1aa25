/** One device: its rows read from its agent, its traps heard where the configuration says so. */
import type { Clock, Fault, Reading } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Group, Memory, Origin, Session, Trace } from "../contract.ts";
import { groupName, groupsOf } from "../groups.ts";
import { cancelled } from "../transport/cancelled.ts";
import { LearnedSources } from "../transport/hearing.ts";
import { SnmpClient } from "./client.ts";
import { Counters } from "./counters.ts";
import type { Reach } from "./door.ts";
import type { SnmpProfile } from "./profile.ts";
import { Reader } from "./reader.ts";
import type { Collected } from "./reader.ts";
import type { PlannedRow } from "./rows.ts";
import { pointsOf, rowsOf, wantedOf } from "./rows.ts";
import { shownText } from "./values.ts";

export const sysObjectId = "1.3.6.1.2.1.1.2.0";

/** Faults told with one reading at most. */
const mostFaults = 64;

export interface SnmpParts {
  readonly id: string;
  readonly profile: SnmpProfile;
  readonly endpoint: Origin["endpoint"];
  readonly clock: Clock;
  readonly memory: Memory | undefined;
  /** Revealed when it is needed first. @throws E_SECRET_MISSING, E_CONFIG */
  readonly reach: () => Reach;
  readonly listen?: NonNullable<Session["listen"]> | undefined;
  readonly sources: LearnedSources;
}

export class SnmpSession implements Session {
  readonly groups: readonly Group[];
  readonly listen?: NonNullable<Session["listen"]>;
  readonly #parts: SnmpParts;
  readonly #rows: readonly PlannedRow[];
  readonly #counters: Counters;
  readonly #ending = new AbortController();
  #asked: { readonly client: SnmpClient; readonly reader: Reader } | undefined;

  constructor(parts: SnmpParts) {
    this.#parts = parts;
    this.#rows = rowsOf(parts.profile);
    this.groups = groupsOf(this.#rows);
    this.#counters = new Counters(parts.memory);
    const { listen } = parts;
    if (listen === undefined) return;
    this.listen = (heard, signal) => {
      if (this.#ending.signal.aborted) return Promise.reject(cancelled(this.#ending.signal));
      return listen(heard, AbortSignal.any([signal, this.#ending.signal]));
    };
  }

  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    const both = AbortSignal.any([signal, this.#ending.signal]);
    if (both.aborted) throw cancelled(both);
    const rows = this.#rows.filter(({ every }) => groups.includes(groupName(every)));
    const { client, reader } = this.#ask();
    const collected = await reader.read(wantedOf(rows), both);
    const reading = this.#readingOf(rows, collected, trace);
    if (reading.points.length === 0 && rows.length > 0) {
      throw await this.#nothing(client, reading.faults, both);
    }
    return reading;
  }

  origin(): Origin {
    return { endpoint: this.#parts.endpoint, sources: this.#parts.sources.all };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#asked?.client[Symbol.asyncDispose]();
  }

  #ask(): { readonly client: SnmpClient; readonly reader: Reader } {
    if (this.#asked !== undefined) return this.#asked;
    const client = new SnmpClient(this.#parts.reach());
    this.#asked = { client, reader: new Reader(client) };
    return this.#asked;
  }

  #readingOf(
    rows: readonly PlannedRow[],
    collected: Collected,
    trace: ((trace: Trace) => void) | undefined,
  ): Reading {
    const { clock, sources } = this.#parts;
    const faults: Fault[] = [...collected.faults];
    const traces: Trace[] = [];
    const points = pointsOf(rows, {
      collected,
      counters: this.#counters,
      time: clock.now(),
      trace: (one) => traces.push(one),
      fault: (one) => faults.push(one),
    });
    this.#counters.keep();
    for (const one of traces) trace?.(one);
    const reading = { points, faults: faults.slice(0, mostFaults) };
    sources.noting(() => undefined)({ reading, traces });
    return reading;
  }

  /** Says what the device is, when it is not what the profile describes. */
  async #nothing(
    client: SnmpClient,
    [first]: readonly Fault[],
    signal: AbortSignal,
  ): Promise<GatewayError> {
    const { id, profile } = this.#parts;
    const why = first === undefined ? "" : `: ${first.code} at ${first.at}`;
    const answer = await client.get([sysObjectId], signal);
    const [is] = "values" in answer ? answer.values : [];
    const named = is === undefined ? "" : shownText(is);
    const { identify } = profile.header;
    const known = identify.some((one) => named === one || named.startsWith(`${one}.`));
    const hint =
      named === "" || known
        ? ""
        : `; it is a ${named}, and ${profile.id} is for ${identify.join()}`;
    const message = `${id}: it answers, but gives no value of its profile${why}${hint}`;
    return new GatewayError("E_DEVICE_REFUSED", message);
  }
}
