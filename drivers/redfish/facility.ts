/**
 * Equipment of the room that speaks Redfish: rack PDUs and their kin (PowerDistribution, Circuit,
 * Outlet), and coolant distribution units (CoolingUnit, CoolantConnector, Pump, Reservoir).
 * (DSP0268: PowerDistribution 1.3, Circuit 1.8, Outlet 1.4, CoolingUnit 1.1, CoolantConnector 1.1)
 */
import { member } from "./json.ts";
import type { Resource, Row, Rule } from "./row.ts";
import { ownHealthOf, rowOf, stateOf } from "./row.ts";

const power: readonly Rule[] = [
  { field: "active_power_w", at: "PowerWatts" },
  { field: "apparent_power_va", at: "PowerWatts/ApparentVA" },
  { field: "reactive_power_var", at: "PowerWatts/ReactiveVAR" },
  { field: "power_factor_ratio", at: "PowerWatts/PowerFactor" },
  { field: "energy_wh_total", at: "EnergykWh", scale: 1000 },
];

const line: readonly Rule[] = [
  { field: "voltage_v", at: "Voltage" },
  { field: "current_a", at: "CurrentAmps" },
];

/** The whole of a PDU. */
export function distributionRows(resource: Resource, feed: string | undefined): Row[] {
  const channel = feed === undefined ? undefined : (["feed", feed] as const);
  return rowOf(resource, { measurement: "rack_power", channel }, power);
}

/** One of its mains and that one's phases. @param phase how they are told from other mains' */
export function mainsRows(
  resource: Resource,
  feed: string,
  phase: (line: string) => string,
): Row[] {
  const rows = rowOf(resource, { measurement: "rack_power", channel: ["feed", feed] }, [
    ...power,
    ...line,
    { field: "frequency_hz", at: "FrequencyHz" },
    { field: "unbalance_pct", at: "UnbalancedCurrentPercent" },
  ]);
  for (const number of [1, 2, 3]) {
    const neutral = `Line${number}ToNeutral`;
    const next = `Line${number}ToLine${(number % 3) + 1}`;
    const watts = `PolyPhasePowerWatts/${neutral}`;
    const channel = ["phase", phase(`L${number}`)] as const;
    rows.push(
      ...rowOf(resource, { measurement: "rack_phase", channel }, [
        { field: "voltage_v", at: `PolyPhaseVoltage/${neutral}` },
        { field: "voltage_ll_v", at: `PolyPhaseVoltage/${next}` },
        { field: "current_a", at: `PolyPhaseCurrentAmps/Line${number}` },
        { field: "thd_i_pct", at: `PolyPhaseCurrentAmps/Line${number}/THDPercent` },
        { field: "active_power_w", at: watts },
        { field: "apparent_power_va", at: `${watts}/ApparentVA` },
        { field: "reactive_power_var", at: `${watts}/ReactiveVAR` },
        { field: "power_factor_ratio", at: `${watts}/PowerFactor` },
        { field: "energy_wh_total", at: `PolyPhaseEnergykWh/${neutral}`, scale: 1000 },
      ]),
    );
  }
  return rows;
}

/** BreakerState of a Circuit. */
const breakers = stateOf({ Normal: 0, Tripped: 1 });

export function branchRows(resource: Resource, breaker: string): Row[] {
  const rating = Number(member(resource.body, "RatedCurrentAmps"));
  const load: Rule[] =
    rating > 0 ? [{ field: "load_pct", at: "CurrentAmps", scale: 100 / rating }] : [];
  return rowOf(resource, { measurement: "pdu_breaker", channel: ["breaker", breaker] }, [
    { field: "current_a", at: "CurrentAmps" },
    ...load,
    { field: "trip_state", at: "BreakerState", read: breakers },
  ]);
}

const outlets = stateOf({ Off: 0, On: 1, PowerCycle: 2 });

export function outletRows(resource: Resource, outlet: string): Row[] {
  return rowOf(resource, { measurement: "pdu_outlet", channel: ["outlet", outlet] }, [
    ...power,
    ...line,
    { field: "outlet_state", at: "PowerState", read: outlets },
  ]);
}

export function connectorRows(resource: Resource, loop: string): Row[] {
  return rowOf(resource, { measurement: "cdu", channel: ["loop", loop] }, [
    { field: "supply_c", at: "SupplyTemperatureCelsius" },
    { field: "return_c", at: "ReturnTemperatureCelsius" },
    { field: "flow_lpm", at: "FlowLitersPerMinute" },
    { field: "supply_pa", at: "SupplyPressurekPa", scale: 1000 },
    { field: "return_pa", at: "ReturnPressurekPa", scale: 1000 },
    { field: "heat_w", at: "HeatRemovedkW", scale: 1000 },
  ]);
}

export function coolingRows(resource: Resource, loop: string | undefined): Row[] {
  const channel = loop === undefined ? undefined : (["loop", loop] as const);
  return rowOf(resource, { measurement: "cdu", channel }, [
    { field: "power_w", at: "PowerWatts" },
    { field: "energy_wh_total", at: "EnergykWh", scale: 1000 },
  ]);
}

export function reservoirRows(resource: Resource, loop: string | undefined): Row[] {
  const channel = loop === undefined ? undefined : (["loop", loop] as const);
  return rowOf(resource, { measurement: "cdu", channel }, [
    { field: "reservoir_pct", at: "FluidLevelPercent" },
  ]);
}

export function pumpRows(resource: Resource, fan: string): Row[] {
  return rowOf(resource, { measurement: "fan", channel: ["fan", fan] }, [
    { field: "health_state", at: "Status", read: ownHealthOf },
    { field: "speed_rpm", at: "PumpSpeedPercent/SpeedRPM" },
    { field: "speed_pct", at: "PumpSpeedPercent" },
  ]);
}

const leaks = stateOf({ OK: 0, Warning: 1, Critical: 1 });

export function leakRows(resource: Resource, sensor: string): Row[] {
  return rowOf(resource, { measurement: "leak", channel: ["sensor", sensor] }, [
    { field: "leak_state", at: "DetectorState", read: leaks },
  ]);
}
