/**
 * One server read by IPMI. Its parts are asked for one after the other; one that cannot be read is
 * a fault beside the others. What the controller says it cannot give is told when it begins and not
 * again until it has worked in between, and a command it does not know is sent again once a day
 * only, as its firmware may change.
 */
import type { Fault, Reading } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import type { Group, Origin, Session, Source, Trace } from "../contract.ts";
import { cancelled } from "../transport/cancelled.ts";
import type { Lease } from "../transport/leases.ts";
import type { Bmc } from "./bmc.ts";
import type { Figures } from "./found.ts";
import { placeSensors } from "./mapping.ts";
import type { IpmiOptions, PartName } from "./options.ts";
import { partNames } from "./options.ts";
import { Rows, server } from "./rows.ts";
import { chassisFigures } from "./table.ts";
import type { Tool } from "./tool.ts";
import { Unsupported } from "./tool.ts";

/** @unit ms */
const aDay = 86_400_000;

/** Sources remembered: more than a chassis has. */
const mostSources = 4096;

/** After these nothing else is asked: it would wait in vain for each part anew. */
const final: ReadonlySet<string> = new Set([
  "E_CONNECT",
  "E_DEVICE_TIMEOUT",
  "E_DISCONNECTED",
  "E_LOGIN",
  "E_PROGRAM_MISSING",
  "E_SECRET_MISSING",
]);

export interface IpmiParts {
  readonly lease: Lease<Bmc>;
  readonly tool: Tool;
  readonly options: IpmiOptions;
  readonly endpoint: Origin["endpoint"];
}

/** A reading in the making. */
interface Draft {
  readonly rows: Rows;
  readonly faults: Fault[];
  /** Why parts are missing. */
  readonly errors: GatewayError[];
}

export class IpmiSession implements Session {
  readonly groups: readonly Group[];
  readonly #parts: IpmiParts;
  readonly #ending = new AbortController();
  readonly #sources = new Map<string, Source>();
  /** What the controller does not know, and since when. @unit ms, monotonic */
  readonly #unknown = new Map<PartName, { readonly at: number; readonly error: GatewayError }>();
  /** Parts of which it was told that the controller cannot give them. */
  readonly #told = new Set<PartName>();
  #released: Promise<void> | undefined;

  constructor(parts: IpmiParts) {
    this.#parts = parts;
    this.groups = groupsOf(parts.options);
  }

  async read(
    groups: readonly string[],
    signal: AbortSignal,
    trace?: (trace: Trace) => void,
  ): Promise<Reading> {
    const both = AbortSignal.any([signal, this.#ending.signal]);
    if (both.aborted) throw cancelled(both);
    const wanted = this.#partsOf(groups);
    const { lease } = this.#parts;
    const draft: Draft = { rows: new Rows(), faults: [], errors: [] };
    await lease.thing.turn(async () => {
      for (const part of partNames) if (wanted.has(part)) await this.#attempt(part, draft, both);
    }, both);
    const { rows, faults, errors } = draft;
    if (rows.size === 0 && wanted.size > 0) throw errors[0] ?? this.#nothing(faults);
    const points = rows.points((one) => {
      this.#note(one);
      trace?.(one);
    });
    return { points, faults };
  }

  /** What was read so far: sensors are found by asking. */
  origin(): Origin {
    return { endpoint: this.#parts.endpoint, sources: [...this.#sources.values()] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new GatewayError("E_DISCONNECTED", "the session was closed"));
    this.#released ??= this.#parts.lease.release();
    await this.#released;
  }

  /** @throws what says that nothing can be read now */
  async #attempt(part: PartName, draft: Draft, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts.lease.thing;
    const unknown = this.#unknown.get(part);
    if (unknown !== undefined && clock.monotonic() - unknown.at < aDay) {
      draft.errors.push(unknown.error);
      return;
    }
    try {
      await this.#take(part, draft, signal);
      this.#told.delete(part);
      this.#unknown.delete(part);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (final.has(error.code) && (draft.rows.size === 0 || signal.aborted)) throw error;
      if (error instanceof Unsupported) this.#unknown.set(part, { at: clock.monotonic(), error });
      draft.errors.push(error);
      const refused = error.code === "E_DEVICE_REFUSED";
      if (refused && this.#told.has(part)) return;
      draft.faults.push({ code: error.code, at: part });
      if (refused) this.#told.add(part);
    }
  }

  async #take(part: PartName, { rows, faults }: Draft, signal: AbortSignal): Promise<void> {
    const { tool, options } = this.#parts;
    switch (part) {
      case "chassis": {
        const table = await tool.chassis(signal);
        faults.push(...table.faults);
        addFigures(rows, part, chassisFigures(table));
        return;
      }
      case "power": {
        const table = await tool.power(signal);
        faults.push(...table.faults);
        addFigures(rows, part, powerFigures(table.figures));
        return;
      }
      case "sensors": {
        const { sensors, faults: wrong } = await tool.sensors(signal);
        faults.push(...wrong);
        placeSensors(rows, sensors, options);
        return;
      }
    }
  }

  #nothing([first]: readonly Fault[]): GatewayError {
    const why = first === undefined ? "" : `: ${first.code} at ${first.at}`;
    return new GatewayError("E_DEVICE_REFUSED", `it answers, but gives no value${why}`);
  }

  #partsOf(groups: readonly string[]): ReadonlySet<PartName> {
    const { parts, sensorsEvery } = this.#parts.options;
    return new Set(
      parts.filter((part) => {
        return groups.includes(part === "sensors" && sensorsEvery !== undefined ? part : usual);
      }),
    );
  }

  #note({ measurement, channel, field, at }: Trace): void {
    const key = `${measurement} ${channel} ${field}`;
    if (!this.#sources.has(key) && this.#sources.size >= mostSources) return;
    this.#sources.set(key, { measurement, channel, field, at });
  }
}

const usual = "default";

/** One, or the sensors at their own pace. */
function groupsOf({ parts, sensorsEvery }: IpmiOptions): Group[] {
  if (sensorsEvery === undefined || !parts.includes("sensors")) {
    return [{ name: usual, every: undefined }];
  }
  const sensors = { name: "sensors", every: sensorsEvery };
  return parts.length === 1 ? [sensors] : [{ name: usual, every: undefined }, sensors];
}

function addFigures(rows: Rows, at: string, figures: Figures): void {
  for (const [field, { value, raw }] of Object.entries(figures)) {
    rows.add(server, field, { value, at, raw });
  }
}

/** @throws E_DEVICE_REFUSED, E_DEVICE_FRAME for an output that ends before its time */
function powerFigures({ active, ...figures }: Figures): Figures {
  if (active === undefined) {
    throw new GatewayError("E_DEVICE_FRAME", "power: it does not say whether it measures");
  }
  if (active.value === 1) return figures;
  throw new GatewayError("E_DEVICE_REFUSED", "power: the controller does not measure it now");
}
