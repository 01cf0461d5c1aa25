/** From the service's root to all that is read: chassis, systems, the room's equipment, reports. */
import type { ChassisPlace } from "./chassis.ts";
import { walkChassis } from "./chassis-walk.ts";
import { walkCooling, walkDistribution } from "./facility-walk.ts";
import type { Json } from "./json.ts";
import { linkOf, list, member, plainPath, rootPath } from "./json.ts";
import { healthOf, rowOf, stateOf } from "./row.ts";
import { walkProcessors } from "./processor-walk.ts";
import type { Get, Member, Planned, Tree } from "./tree.ts";
import { namedUnder, Walk } from "./tree.ts";

/** Collections of PowerDistribution under PowerEquipment. (DSP0268) */
const distributions = [
  "RackPDUs",
  "FloorPDUs",
  "PowerShelves",
  "TransferSwitches",
  "Switchgear",
] as const;

/** Collections of CoolingUnit under ThermalEquipment. (DSP0268) */
const coolers = ["CDUs", "HeatExchangers", "ImmersionUnits"] as const;

/** @throws what `get` throws when no request more makes sense, E_DEVICE_FRAME */
export async function walkTree(get: Get, learned: (root: Json) => void): Promise<Tree> {
  const root = await get(rootPath);
  learned(root);
  const walk = new Walk(get);
  walk.learn(root);
  const systems = await walk.members(linkOf(root, "Systems"));
  const chassis = await walk.members(linkOf(root, "Chassis"));
  const main = mainOf(systems, chassis);
  walk.plan(...systems.slice(0, 1).map(serverOf));
  if (systems.length === 0 && main !== undefined) walk.plan(serverOf(main));
  for (const one of chassis) await walkChassis(walk, one, placeOf(one, one === main));
  for (const [index, one] of systems.entries()) await walkProcessors(walk, one, index === 0);
  await walkEquipment(walk, root);
  const telemetry = await walk.peek(linkOf(root, "TelemetryService"));
  const { planned, faults } = walk;
  // What no other resource tells comes last.
  const ordered = planned.toSorted((a, b) => Number(a.sensor ?? false) - Number(b.sensor ?? false));
  return { planned: ordered, faults, root, reports: linkOf(telemetry, "MetricReports") };
}

async function walkEquipment(walk: Walk, root: Json): Promise<void> {
  const power = await walk.look(linkOf(root, "PowerEquipment"));
  let first = true;
  for (const name of distributions) {
    for (const one of await walk.members(linkOf(power, name))) {
      await walkDistribution(walk, one, first);
      first = false;
    }
  }
  const thermal = await walk.look(linkOf(root, "ThermalEquipment"));
  first = true;
  for (const name of coolers) {
    for (const one of await walk.members(linkOf(thermal, name))) {
      await walkCooling(walk, one, first);
      first = false;
    }
  }
}

/** The chassis that stands for the server: the first system's, else the first. */
function mainOf(systems: readonly Member[], chassis: readonly Member[]): Member | undefined {
  const links = list(member(systems[0]?.body, "Links/Chassis"), 16);
  const linked = links.map((one) => plainPath(linkOf(one) ?? ""));
  return chassis.find(({ path }) => linked.includes(plainPath(path))) ?? chassis[0];
}

function placeOf({ id }: Member, main: boolean): ChassisPlace {
  return { main, id, name: namedUnder(id, main) };
}

const powerState = stateOf({ On: 1, Off: 0, PoweringOn: 1, PoweringOff: 1, Paused: 1 });

function serverOf({ path, via }: Member): Planned {
  return {
    path,
    via,
    rows: (resource) =>
      rowOf(resource, { measurement: "server" }, [
        { field: "on_state", at: "PowerState", read: powerState },
        { field: "health_state", at: "Status", read: healthOf },
      ]),
  };
}
