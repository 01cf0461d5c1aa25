/**
 * Reads temperatures of a site. Inlets of a rack are what the topology names; where it names none,
 * of the devices that stand in it `server.inlet_c` and what `thermal` calls inlet, intake or front.
 * Limits: `maxSeries` of each kind, by name; those beyond are not read.
 */
import type { Series, Topology } from "../../config/index.ts";
import { channelTagOf } from "../../telemetry/index.ts";
import type { CoolingSamples, Intake, Machine, Unit } from "./cooling.ts";
import { placeOf } from "./place.ts";
import type { Asking, FoundSeries } from "./read-fields.ts";
import { readFields, seriesWith } from "./read-fields.ts";

const maxSeries = 5000;

/** What a sensor at a rack's front is called. */
const inletName = /^(inlet|intake|front)/i;

/** @throws E_STORE_DOWN, E_STORE_CONFIG, E_QUERY */
export async function readCooling(topology: Topology, asking: Asking): Promise<CoolingSamples> {
  const servers = (await seriesWith("server", ["inlet_c"], asking)).slice(0, maxSeries);
  return {
    intakes: await readIntakes(topology, servers, asking),
    units: await readUnits(topology, asking),
    machines: await readMachines(topology, servers, asking),
  };
}

async function readIntakes(
  topology: Topology,
  servers: readonly FoundSeries[],
  asking: Asking,
): Promise<readonly Intake[]> {
  const sensors = await seriesWith("thermal", ["temp_c"], asking);
  const found = [
    ...servers.map((one) => ({ ...one, measurement: "server", field: "inlet_c" })),
    ...sensors
      .filter(({ channel }) => inletName.test(channel))
      .map((one) => ({ ...one, measurement: "thermal", field: "temp_c" })),
  ];
  const byRack = Map.groupBy(found, (one) => placeOf(topology, one));
  const racks = [...topology.elements.values()].filter(({ kind }) => kind === "rack");
  const wanted = racks.flatMap(({ id, inlets }): (Series & { readonly place: string })[] =>
    (inlets.length > 0 ? inlets : (byRack.get(id) ?? [])).map((series) => ({
      ...series,
      place: id,
    })),
  );
  const intakes: Intake[] = [];
  for (const series of wanted.slice(0, maxSeries)) {
    const { device, measurement, channel, field, place } = series;
    const read = await readFields({ device, measurement, channel, fields: [field] }, asking);
    const samples = read.get(field);
    const name = channel === "" ? device : `${device}/${channel}`;
    if (samples !== undefined) intakes.push({ place, name, samples });
  }
  return intakes;
}

async function readMachines(
  topology: Topology,
  servers: readonly FoundSeries[],
  asking: Asking,
): Promise<readonly Machine[]> {
  const machines: Machine[] = [];
  for (const server of servers) {
    const { device, channel } = server;
    const fields = ["inlet_c", "exhaust_c"];
    const read = await readFields({ device, measurement: "server", channel, fields }, asking);
    const [inlet, exhaust] = [read.get("inlet_c"), read.get("exhaust_c")];
    if (inlet === undefined || exhaust === undefined) continue;
    machines.push({ place: placeOf(topology, server), inlet, exhaust });
  }
  return machines;
}

/** Pairs of supply and return, by measurement. */
const pairs = [
  { measurement: "cooling", medium: "air", supply: "supply_air_c", back: "return_air_c" },
  { measurement: "cooling", medium: "water", supply: "water_supply_c", back: "water_return_c" },
  { measurement: "cdu", medium: "water", supply: "supply_c", back: "return_c" },
] as const;

async function readUnits(topology: Topology, asking: Asking): Promise<readonly Unit[]> {
  const units: Unit[] = [];
  for (const { measurement, medium, supply, back } of pairs) {
    const found = await seriesWith(measurement, [supply], asking);
    for (const one of found.slice(0, maxSeries)) {
      const { device, channel } = one;
      const fields = [supply, back];
      const read = await readFields({ device, measurement, channel, fields }, asking);
      const [cold, warm] = [read.get(supply), read.get(back)];
      if (cold === undefined || warm === undefined) continue;
      const tag = channel === "" ? "" : ` ${channelTagOf(measurement) ?? ""} ${channel}`;
      const name = `${device}${tag}`;
      units.push({ place: placeOf(topology, one), name, medium, supply: cold, back: warm });
    }
  }
  return units;
}
