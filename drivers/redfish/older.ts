/**
 * A chassis in the older form, all of it in two resources: Power and Thermal. Deprecated since
 * 2020, and still all that many controllers have. (DSP0268: Power 1.7, Thermal 1.7)
 */
import type { ChassisPlace } from "./chassis.ts";
import { airOf } from "./chassis.ts";
import { list, member, textOf } from "./json.ts";
import type { Channel, Resource, Row, Rule } from "./row.ts";
import { isThere, ownHealthOf, rowOf } from "./row.ts";

/** More members than this are left out. */
const maxMembers = 256;

interface Member {
  readonly at: string;
  readonly body: unknown;
  readonly name: string;
}

/** Members of a list with names that differ: two of one name are told apart by their MemberId. */
function membersOf({ body }: Resource, property: string): Member[] {
  const taken = new Set<string>();
  return list(body[property], maxMembers).map((one, index) => {
    const id = textOf(member(one, "MemberId")) ?? String(index);
    const plain = textOf(member(one, "Name")) ?? textOf(member(one, "FanName")) ?? id;
    const name = taken.has(plain) ? `${plain}_${id}` : plain;
    taken.add(name);
    return { at: `${property}/${index}`, body: one, name };
  });
}

export function powerRows(resource: Resource, place: ChassisPlace): Row[] {
  return [
    ...controlRows(resource, place),
    ...membersOf(resource, "PowerSupplies").flatMap((one) => supplyRows(resource, one, place)),
    ...membersOf(resource, "Voltages").flatMap(({ at, body, name }) => {
      const channel: Channel = ["sensor", place.name(name)];
      const rules = isThere(body) ? [{ field: "voltage_v", at: `${at}/ReadingVolts` }] : [];
      return rowOf(resource, { measurement: "electrical_sensor", channel }, rules);
    }),
  ];
}

/** The first PowerControl is the whole chassis; others are parts of it. */
function controlRows(resource: Resource, place: ChassisPlace): Row[] {
  const at = "PowerControl/0";
  const power: Rule = { field: "power_w", at: `${at}/PowerConsumedWatts` };
  if (!place.main) {
    const channel: Channel = ["sensor", place.name("power")];
    return rowOf(resource, { measurement: "electrical_sensor", channel }, [power]);
  }
  return rowOf(resource, { measurement: "server" }, [
    power,
    { field: "power_min_w", at: `${at}/PowerMetrics/MinConsumedWatts` },
    { field: "power_max_w", at: `${at}/PowerMetrics/MaxConsumedWatts` },
    { field: "power_mean_w", at: `${at}/PowerMetrics/AverageConsumedWatts` },
    { field: "power_limit_w", at: `${at}/PowerLimit/LimitInWatts` },
    { field: "capacity_w", at: `${at}/PowerCapacityWatts` },
  ]);
}

function supplyRows(resource: Resource, { at, body, name }: Member, place: ChassisPlace): Row[] {
  const readings: Rule[] = [
    { field: "input_power_w", at: `${at}/PowerInputWatts` },
    { field: "output_power_w", at: `${at}/PowerOutputWatts` },
    { field: "output_power_w", at: `${at}/LastPowerOutputWatts` },
    { field: "input_voltage_v", at: `${at}/LineInputVoltage` },
    { field: "capacity_w", at: `${at}/PowerCapacityWatts` },
  ];
  const channel: Channel = ["psu", place.name(name)];
  return rowOf(resource, { measurement: "power_supply", channel }, [
    { field: "health_state", at: `${at}/Status`, read: ownHealthOf },
    ...(isThere(body) ? readings : []),
  ]);
}

/** @param only `temperatures` where the fans have resources of their own */
export function thermalRows(
  resource: Resource,
  place: ChassisPlace,
  only: "all" | "temperatures",
): Row[] {
  const temperatures = membersOf(resource, "Temperatures");
  const fans = only === "all" ? membersOf(resource, "Fans") : [];
  return [
    ...temperatures.flatMap((one) => temperatureRows(resource, one, place)),
    ...fans.flatMap((one) => fanRows(resource, one, place)),
  ];
}

function temperatureRows(
  resource: Resource,
  { at, body, name }: Member,
  place: ChassisPlace,
): Row[] {
  if (!isThere(body)) return [];
  const channel: Channel = ["sensor", place.name(name)];
  const reading = `${at}/ReadingCelsius`;
  const rows = rowOf(resource, { measurement: "thermal", channel }, [
    { field: "temp_c", at: reading },
  ]);
  const air = airOf(member(body, "PhysicalContext"));
  if (air === undefined || !place.main) return rows;
  return [...rows, ...rowOf(resource, { measurement: "server" }, [{ field: air, at: reading }])];
}

function fanRows(resource: Resource, { at, body, name }: Member, place: ChassisPlace): Row[] {
  // Schemas before 1.1 say no unit: revolutions then.
  const units = member(body, "ReadingUnits");
  const field = units === "Percent" ? "speed_pct" : "speed_rpm";
  const channel: Channel = ["fan", place.name(name)];
  return rowOf(resource, { measurement: "fan", channel }, [
    { field: "health_state", at: `${at}/Status`, read: ownHealthOf },
    ...(isThere(body) ? [{ field, at: `${at}/Reading` }] : []),
  ]);
}
