/** Topologies for tests: from YAML as a person writes it, and at random. */
import * as fc from "fast-check";
import type { DeviceFacts, Topology, TopologyOptions } from "../../../config/index.ts";
import {
  paperFindings,
  topologyOf,
  topologyOptions,
  topologyProblems,
  v,
  YamlFile,
} from "../../../config/index.ts";

export function optionsOf(yaml: string): TopologyOptions {
  return v.parse(topologyOptions, new YamlFile("topology.yaml", yaml).data);
}

/** Devices that give a power without a channel, by id. */
export function metersNamed(...ids: readonly string[]): DeviceFacts[] {
  const fields = ["active_power_w"];
  const offers = [{ measurement: "energy_meter", channels: [], fields }];
  return ids.map((id) => ({ id, offers }));
}

export function siteOf(yaml: string, devices: readonly DeviceFacts[] = []): Topology {
  const options = optionsOf(yaml);
  const site = { name: "site", devices };
  const problems = topologyProblems(options, site).map(({ message }) => message);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return topologyOf(options, site);
}

/** Where and why, one line a problem. */
export function problemsOf(yaml: string, devices: readonly DeviceFacts[] = []): string[] {
  return topologyProblems(optionsOf(yaml), { name: "site", devices }).map(
    ({ at, message }) => `${at.join(".")}: ${message}`,
  );
}

/** `error unfed r01`, one a finding. */
export function findingsOf(topology: Topology): string[] {
  return paperFindings(topology).map(
    ({ severity, rule, element }) => `${severity} ${rule} ${element}`,
  );
}

const kinds = ["switchboard", "ats", "breaker", "ups", "transformer", "pdu"] as const;
const most: Readonly<Record<string, number>> = { switchboard: 3, ats: 2 };

/** One random element: what it may be, and which of the earlier ones feed it. */
const drawn = fc.record({
  kind: fc.constantFrom(...kinds, "load" as const, "rack" as const),
  from: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
  power: fc.integer({ min: 1, max: 20 }),
  current: fc.option(fc.integer({ min: 6, max: 200 }), { nil: undefined }),
  metered: fc.boolean(),
  feed: fc.constantFrom("A", "B", undefined, undefined),
  inRack: fc.option(fc.nat(), { nil: undefined }),
});

/** A random site without mistakes: sources first, each element fed by earlier ones. */
export const randomOptions: fc.Arbitrary<{
  readonly options: TopologyOptions;
  readonly devices: readonly DeviceFacts[];
}> = fc.array(drawn, { minLength: 1, maxLength: 30 }).map((all) => {
  const racks: Record<string, unknown> = {};
  const equipment: Record<string, unknown> = { s0: { kind: "source" }, s1: { kind: "source" } };
  const feeders = ["s0", "s1"];
  const devices: string[] = [];
  for (const [index, { kind, from, power, current, metered, feed, inRack }] of all.entries()) {
    const id = `${kind}${index}`;
    const consumer = kind === "load" || kind === "rack";
    const named = [...new Set(from.map((at) => feeders[at % feeders.length]))];
    const fedBy = named.slice(0, consumer ? 3 : (most[kind] ?? 1));
    const meters = metered ? [{ device: `m${index}` }] : [];
    const names = Object.keys(racks);
    const stands = inRack === undefined || names.length === 0 ? undefined : inRack % names.length;
    const rack = stands === undefined ? undefined : names[stands];
    if (metered) devices.push(`m${index}`);
    // Without its own word it is fed by the PDUs that stand in it.
    const cords = power % 2 === 0 ? fedBy : [];
    if (kind === "rack") racks[id] = { fedBy: cords, meters, power: `${power}kW` };
    else {
      const rating = kind === "load" ? { power: `${power}kW` } : { current: `${current ?? 63}A` };
      equipment[id] = { kind, fedBy, meters, ...rating, rack, ...(consumer ? {} : { feed }) };
    }
    if (!consumer) feeders.push(id);
  }
  const input = { redundancy: "2N", feeds: ["A", "B"], racks, equipment };
  return { options: v.parse(topologyOptions, input), devices: metersNamed(...devices) };
});

/** The same with every mapping in another order. */
export function reordered(options: TopologyOptions): TopologyOptions {
  const turned = <Value>(record: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(Object.entries(record).toReversed());
  const { rooms, rows, racks, equipment } = options;
  return {
    ...options,
    rooms: turned(rooms),
    rows: turned(rows),
    racks: turned(racks),
    equipment: turned(equipment),
  };
}
