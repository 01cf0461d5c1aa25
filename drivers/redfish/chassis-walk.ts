/** What one chassis has: the newer form of each resource where it is there, else the older. */
import type { ChassisPlace } from "./chassis.ts";
import {
  batteryMetricsRows,
  environmentRows,
  fanRows,
  powerSubsystemRows,
  powerSupplyMetricsRows,
  powerSupplyRows,
  sensorRows,
  thermalMetricsRows,
} from "./chassis.ts";
import type { Json } from "./json.ts";
import { linkOf } from "./json.ts";
import { powerRows, thermalRows } from "./older.ts";
import type { Resource, Row } from "./row.ts";
import type { Member, Planned, Walk } from "./tree.ts";

type Rows<Place> = (resource: Resource, place: Place) => Row[];

/** A resource to read, where there is one. */
export function linked<Place>(
  path: string | undefined,
  rows: Rows<Place>,
  place: Place,
): Planned[] {
  if (path === undefined) return [];
  return [{ path, rows: (resource) => rows(resource, place) }];
}

export async function walkChassis(
  walk: Walk,
  { body }: Member,
  place: ChassisPlace,
): Promise<void> {
  const environment = linkOf(body, "EnvironmentMetrics");
  walk.plan(...linked(environment, environmentRows, place));
  const newer = await walkPower(walk, body, place);
  // Else nothing tells what the chassis draws.
  if (!newer || environment === undefined) {
    walk.plan(...linked(linkOf(body, "Power"), powerRows, place));
  }
  await walkThermal(walk, body, place);
  const sensors = await walk.list(linkOf(body, "Sensors"));
  for (const { path, via } of sensors) {
    walk.plan({ path, via, sensor: true, rows: (resource) => sensorRows(resource, place) });
  }
}

/** @returns whether there is a PowerSubsystem that can be read */
async function walkPower(walk: Walk, chassis: Json, place: ChassisPlace): Promise<boolean> {
  const path = linkOf(chassis, "PowerSubsystem");
  const subsystem = await walk.look(path);
  if (path === undefined || subsystem === undefined) return false;
  walk.plan({ path, slow: true, rows: (resource) => powerSubsystemRows(resource, place) });
  const supplies = linkOf(subsystem, "PowerSupplies");
  for (const { path: at, body, id, via } of await walk.members(supplies)) {
    const name = place.name(id);
    walk.plan({ path: at, via, slow: true, rows: (resource) => powerSupplyRows(resource, name) });
    walk.plan(...linked(linkOf(body, "Metrics"), powerSupplyMetricsRows, name));
  }
  for (const { body, id } of await walk.members(linkOf(subsystem, "Batteries"))) {
    walk.plan(...linked(linkOf(body, "Metrics"), batteryMetricsRows, place.name(id)));
  }
  return true;
}

async function walkThermal(walk: Walk, chassis: Json, place: ChassisPlace): Promise<void> {
  const subsystem = await walk.look(linkOf(chassis, "ThermalSubsystem"));
  const metrics = linkOf(subsystem, "ThermalMetrics");
  walk.plan(...linked(metrics, thermalMetricsRows, place));
  const fans = await walk.members(linkOf(subsystem, "Fans"));
  for (const { path, id, via } of fans) {
    const name = place.name(id);
    walk.plan({ path, via, rows: (resource) => fanRows(resource, name) });
  }
  const told = metrics ?? linkOf(chassis, "Sensors");
  if (subsystem !== undefined && told !== undefined) return;
  const only = fans.length > 0 ? "temperatures" : "all";
  const older = linkOf(chassis, "Thermal");
  walk.plan(...linked(older, (resource) => thermalRows(resource, place, only), place));
}
