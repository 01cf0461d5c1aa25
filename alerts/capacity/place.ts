/** Where series of the store stand in a topology. */
import type { Topology } from "../../config/index.ts";
import type { FoundSeries } from "./read-fields.ts";

/** By the configuration, else by what its rows say. */
export function placeOf(topology: Topology, { device, rack, zone }: FoundSeries): string {
  const configured = topology.placeOfDevice(device);
  if (configured !== undefined) return configured;
  return [rack, zone].find((name) => topology.isPlace(name)) ?? topology.site;
}

/** What stands in each place, at any depth. */
export function byPlace<Item extends { readonly place: string }>(
  topology: Topology,
  items: readonly Item[],
): ReadonlyMap<string, readonly Item[]> {
  const found = new Map<string, Item[]>();
  for (const item of items) {
    const around = topology.placesAround(item.place).map(({ id }) => id);
    for (const id of [item.place, ...around]) {
      const own = found.get(id) ?? [];
      own.push(item);
      found.set(id, own);
    }
  }
  return found;
}
