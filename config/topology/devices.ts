/** Whether the places that devices name are those of the topology. */
import { nearest } from "../validate.ts";
import type { DeviceFacts } from "./meters.ts";
import type { TopologyOptions } from "./options.ts";

/** A mistake at a key of a device. */
export interface DeviceProblem {
  readonly device: string;
  readonly key: "rack" | "zone";
  readonly message: string;
}

/**
 * A rack that the topology does not know is a slip of the pen; a zone may be finer than a room,
 * but no other room than the rack's.
 */
export function deviceProblems(
  { racks, rows, rooms }: TopologyOptions,
  devices: readonly DeviceFacts[],
): readonly DeviceProblem[] {
  const names = Object.keys(racks);
  if (names.length === 0) return [];
  return devices.flatMap(({ id, rack, zone }): DeviceProblem[] => {
    if (rack === undefined) return [];
    const place = Object.hasOwn(racks, rack) ? racks[rack] : undefined;
    if (place === undefined) {
      const near = nearest(rack, names);
      const hint = near === undefined ? "add it under `topology.racks`" : `did you mean "${near}"?`;
      return [{ device: id, key: "rack", message: `no rack "${rack}" in the topology; ${hint}` }];
    }
    const room = place.room ?? (place.row === undefined ? undefined : rows[place.row]?.room);
    if (zone === undefined || room === undefined || zone === room) return [];
    if (!Object.hasOwn(rooms, zone)) return [];
    return [{ device: id, key: "zone", message: `rack ${rack} stands in ${room}, not in ${zone}` }];
  });
}
