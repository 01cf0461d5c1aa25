/** The parts of a rack PDU and of a coolant distribution unit. */
import { sensorRows } from "./chassis.ts";
import { linked } from "./chassis-walk.ts";
import {
  branchRows,
  connectorRows,
  coolingRows,
  distributionRows,
  leakRows,
  mainsRows,
  outletRows,
  pumpRows,
  reservoirRows,
} from "./facility.ts";
import type { Json } from "./json.ts";
import { linkOf, plainPath } from "./json.ts";
import type { Resource, Row } from "./row.ts";
import type { Member, Walk } from "./tree.ts";
import { namedUnder } from "./tree.ts";

/** Each member of a collection, as it is listed. */
async function walkList(
  walk: Walk,
  path: string | undefined,
  rows: (resource: Resource, id: string) => Row[],
): Promise<void> {
  for (const { path: at, via } of await walk.list(path)) {
    const id = plainPath(at).split("/").at(-1) ?? at;
    walk.plan({ path: at, via, rows: (resource) => rows(resource, id) });
  }
}

/** @param first one of a chain is the device itself; others have their id before all names */
export async function walkDistribution(walk: Walk, pdu: Member, first: boolean): Promise<void> {
  const { body, id } = pdu;
  const named = namedUnder(id, first);
  const whole = first ? undefined : id;
  walk.plan(...linked(linkOf(body, "Metrics"), distributionRows, whole));
  const mains = await walk.list(linkOf(body, "Mains"));
  const [only] = mains;
  await walkList(walk, linkOf(body, "Mains"), (resource, feed) => {
    const plain = resource.path === only?.path;
    return mainsRows(resource, named(feed), (line) => named(plain ? line : `${feed}/${line}`));
  });
  await walkList(walk, linkOf(body, "Branches"), (resource, one) => {
    return branchRows(resource, named(one));
  });
  await walkList(walk, linkOf(body, "Outlets"), (resource, one) => {
    return outletRows(resource, named(one));
  });
  await walkSensors(walk, body, { id, first });
}

export async function walkCooling(walk: Walk, unit: Member, first: boolean): Promise<void> {
  const { body, id } = unit;
  const named = namedUnder(id, first);
  const whole = first ? undefined : id;
  walk.plan(...linked(linkOf(body, "EnvironmentMetrics"), coolingRows, whole));
  for (const side of ["PrimaryCoolantConnectors", "SecondaryCoolantConnectors"] as const) {
    const kind = side === "PrimaryCoolantConnectors" ? "primary" : "secondary";
    const connectors = await walk.list(linkOf(body, side));
    await walkList(walk, linkOf(body, side), (resource, one) => {
      return connectorRows(resource, named(connectors.length === 1 ? kind : `${kind}/${one}`));
    });
  }
  await walkList(walk, linkOf(body, "Pumps"), (resource, one) => pumpRows(resource, named(one)));
  const reservoirs = await walk.list(linkOf(body, "Reservoirs"));
  await walkList(walk, linkOf(body, "Reservoirs"), (resource, one) => {
    return reservoirRows(resource, reservoirs.length === 1 ? whole : named(one));
  });
  const detection = await walk.look(linkOf(body, "LeakDetection"));
  await walkList(walk, linkOf(detection, "LeakDetectors"), (resource, one) => {
    return leakRows(resource, named(one));
  });
  await walkSensors(walk, body, { id, first });
}

async function walkSensors(
  walk: Walk,
  body: Json,
  { id, first }: { readonly id: string; readonly first: boolean },
): Promise<void> {
  const place = { id, main: first, name: namedUnder(id, first) };
  for (const { path, via } of await walk.list(linkOf(body, "Sensors"))) {
    const rows = (resource: Resource): Row[] =>
      sensorRows(resource, place).filter(({ measurement }) => measurement !== "server");
    walk.plan({ path, via, sensor: true, rows });
  }
}
