/**
 * What the rows of a device mean to the rules, worked out once for each of its channels: which
 * rules look at them, and which group of a rule they belong to. Judging a row is then a look-up.
 * Limits: `maxDevices` devices are remembered by name, `maxRoutes` routes; where there are more,
 * those of a new device are worked out for each batch, and all routes begin anew.
 */
import type { Place, Point, Tags } from "../telemetry/index.ts";
import { measurementEntry } from "../telemetry/index.ts";
import type { AbsenceWatch } from "./absence.ts";
import type { Compiled, Group, Groups, Origin } from "./groups.ts";
import { identityOf, keyOf, tagOf, valuesOf } from "./groups.ts";
import type { LiveRule } from "./rule.ts";

/** Devices remembered by identity, also for the topics of stored rules. */
const maxDevices = 100_000;
/** Channels of devices whose rules are remembered. */
const maxRoutes = 200_000;

/** A rule that looks at the rows of a channel. */
export interface Target {
  readonly rule: Compiled<LiveRule>;
  /** The values of the `by` tags. */
  readonly values: readonly string[];
  /** What the channel is called within its group. */
  readonly series: string;
  /** Known from the first value on: a row that is not judged makes no group. */
  group: Group | undefined;
}

/** A silence that the rows of a channel end. */
export interface Heard {
  readonly watch: AbsenceWatch;
  readonly group: Group;
}

export interface Route {
  readonly targets: readonly Target[];
  readonly heard: readonly Heard[];
}

/** A device, and the routes of its rows: by measurement and channel. */
export interface Source extends Origin {
  readonly routes: Map<string, Map<string, Route>>;
}

/** The rules by the measurement that they look at. */
export interface ByMeasurement {
  readonly live: ReadonlyMap<string, readonly Compiled<LiveRule>[]>;
  readonly absent: ReadonlyMap<string, readonly AbsenceWatch[]>;
}

export class Routes {
  #rules: ByMeasurement;
  readonly #groups: Groups;
  readonly #sources = new Map<string, Source>();
  #count = 0;

  constructor(rules: ByMeasurement, groups: Groups) {
    this.#rules = rules;
    this.#groups = groups;
  }

  /** The device as it was last heard of; what the store says has no class. */
  known(identity: string): Origin | undefined {
    return this.#sources.get(identity);
  }

  /** The device that rows come from; another class or place gives it new routes. */
  source({ address, place }: Origin): Source {
    const identity = identityOf(address);
    const known = this.#sources.get(identity);
    if (known?.address.class === address.class && isSame(known.place, place)) return known;
    const source = { address, place, routes: new Map<string, Map<string, Route>>() };
    if (known !== undefined || this.#sources.size < maxDevices) this.#sources.set(identity, source);
    return source;
  }

  /** Where a row of a device goes. */
  route(source: Source, point: Point): Route | undefined {
    const { measurement } = point;
    if (!this.#rules.live.has(measurement) && !this.#rules.absent.has(measurement)) {
      return undefined;
    }
    const channel = measurementEntry(measurement)?.channel;
    const name = channel === undefined ? "" : tagOf(channel, source, point);
    const route = source.routes.get(measurement)?.get(name);
    return route ?? this.#add(source, point, name);
  }

  /** Other rules from now on. */
  use(rules: ByMeasurement): void {
    this.#rules = rules;
    this.forget();
  }

  /** Forgets where rows go: groups were taken out or put in from outside. */
  forget(): void {
    this.#count = 0;
    for (const { routes } of this.#sources.values()) routes.clear();
  }

  #add(source: Source, point: Point, name: string): Route {
    if (this.#count >= maxRoutes) this.forget();
    this.#count += 1;
    const { measurement } = point;
    const route = {
      targets: (this.#rules.live.get(measurement) ?? [])
        .filter(({ rule }) => matches(rule.where, source, point))
        .map((rule) => targetOf(rule, source, { point, name })),
      heard: (this.#rules.absent.get(measurement) ?? []).flatMap((watch) => {
        const { rule } = watch;
        if (!matches(rule.rule.where, source, point)) return [];
        const key = keyOf(rule, source.address, valuesOf(rule, source));
        const group = this.#groups.of(rule).get(key);
        return group === undefined ? [] : [{ watch, group }];
      }),
    };
    const routes = source.routes.get(measurement) ?? new Map<string, Route>();
    source.routes.set(measurement, routes.set(name, route));
    return route;
  }
}

function targetOf(
  rule: Compiled<LiveRule>,
  source: Source,
  { point, name }: { readonly point: Point; readonly name: string },
): Target {
  const values = valuesOf(rule, source, point);
  const series = rule.single ? "" : `${identityOf(source.address)}\u0000${name}`;
  return { rule, values, series, group: undefined };
}

function isSame(known: Place, place: Place): boolean {
  return known.zone === place.zone && known.rack === place.rack;
}

/** Whether a row, or all rows of a device, have these tags. */
export function matches(where: Tags, origin: Origin, point?: Point): boolean {
  for (const name in where) if (tagOf(name, origin, point) !== where[name]) return false;
  return true;
}
