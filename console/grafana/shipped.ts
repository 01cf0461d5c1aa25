/**
 * The dashboards that need no topology: they show what devices say of themselves. The bands of
 * air at the inlet are those of ASHRAE TC 9.9, Thermal Guidelines, fifth edition (2021): 18 to
 * 27 °C recommended, 15 to 32 °C allowed in class A1.
 */
import type { Dashboard, Drawn, Step } from "./dashboard.ts";
import { dashboardOf } from "./dashboard.ts";
import type { Asked, Look } from "./panels.ts";
import { panel } from "./panels.ts";

const inlet: readonly Step[] = [
  { color: "blue", value: null },
  { color: "yellow", value: 15 },
  { color: "green", value: 18 },
  { color: "yellow", value: 27 },
  { color: "red", value: 32 },
];

/** A panel of one field by device, and by channel where there is one. */
function one(measurement: string, field: string, more: Partial<Asked> & Look = {}): Drawn {
  const { aggregate, added, by = ["device"], ...look } = more;
  const asked: Asked = {
    measurement,
    field,
    by,
    ...(aggregate === undefined ? {} : { aggregate }),
    ...(added === undefined ? {} : { added }),
  };
  return panel(asked, look);
}

const feed = ["device", "feed"];

const site = dashboardOf(
  {
    name: "site",
    title: "rackstreet: site",
    about: "Power by rack and feed, cooling, and the air that racks take in.",
  },
  { tags: ["rack", "sensor"] },
  [
    one("rack_power", "active_power_w", {
      title: "Power by rack",
      by: ["rack"],
      added: feed,
      chosen: ["rack"],
      width: 24,
      height: 9,
    }),
    one("rack_power", "active_power_w", {
      title: "Power by feed",
      by: ["feed"],
      added: ["device"],
    }),
    one("energy_meter", "active_power_w", { title: "Power of meters" }),
    one("rack_phase", "current_a", { by: ["device", "phase"], chosen: ["rack"] }),
    one("pdu_breaker", "load_pct", { by: ["device", "breaker"], chosen: ["rack"] }),
    one("ups", "load_pct"),
    one("ups", "battery_runtime_s"),
    one("ups", "on_battery_state"),
    one("ups", "battery_charge_pct"),
    one("thermal", "temp_c", {
      title: "Air at the inlet, with the bands of ASHRAE class A1",
      by: ["rack", "device", "sensor"],
      chosen: ["rack", "sensor"],
      steps: inlet,
      width: 24,
      height: 9,
    }),
    one("thermal", "rh_pct", { by: ["rack", "device", "sensor"], chosen: ["rack", "sensor"] }),
    one("cooling", "supply_air_c", { by: ["device", "unit"] }),
    one("cooling", "return_air_c", { by: ["device", "unit"] }),
    one("cooling", "fan_pct", { by: ["device", "unit"] }),
    one("cdu", "supply_c", { by: ["device", "loop"] }),
    one("leak", "leak_state", { by: ["device", "sensor"] }),
  ],
);

const gpu = { by: ["device", "gpu"], chosen: ["rack", "device"] };

const accelerators = dashboardOf(
  {
    name: "accelerators",
    title: "rackstreet: accelerators",
    about: "Power, heat, work and errors of accelerator cards.",
  },
  { tags: ["rack", "device"] },
  [
    one("accelerator", "power_w", {
      title: "Power by machine",
      by: ["device"],
      added: ["gpu"],
      chosen: ["rack", "device"],
      width: 24,
    }),
    one("accelerator", "power_w", gpu),
    one("accelerator", "power_limit_w", gpu),
    one("accelerator", "temp_c", gpu),
    one("accelerator", "headroom_c", gpu),
    one("accelerator", "util_pct", gpu),
    one("accelerator", "tensor_active_ratio", gpu),
    one("accelerator", "mem_used_bytes", gpu),
    one("accelerator", "dram_active_ratio", gpu),
    one("accelerator", "throttle_power_ms_total", gpu),
    one("accelerator", "throttle_thermal_ms_total", gpu),
    one("accelerator", "ecc_ce_total", gpu),
    one("accelerator", "ecc_ue_total", gpu),
    one("accelerator", "link_errors_total", gpu),
    one("accelerator", "xid_code", gpu),
    one("accelerator", "health_state", gpu),
  ],
);

const sensor = { by: ["device", "sensor"], chosen: ["zone"] };

const street = dashboardOf(
  {
    name: "street",
    title: "rackstreet: street",
    about: "Lamps, air, noise, water, parking and traffic.",
  },
  { tags: ["zone"] },
  [
    one("street_light", "power_state", { by: ["device", "lamp"], chosen: ["zone"] }),
    one("street_light", "power_w", { by: ["device"], added: ["lamp"], chosen: ["zone"] }),
    one("street_light", "dim_pct", { by: ["device", "lamp"], chosen: ["zone"] }),
    one("street_light", "fault_code", { by: ["device", "lamp"], chosen: ["zone"] }),
    one("environment", "pm25_ugm3", sensor),
    one("environment", "pm10_ugm3", sensor),
    one("environment", "no2_ugm3", sensor),
    one("environment", "o3_ugm3", sensor),
    one("environment", "laeq_db", sensor),
    one("environment", "temp_c", sensor),
    one("environment", "wind_mps", sensor),
    one("environment", "rain_mmh", sensor),
    one("water_level", "level_m", sensor),
    one("road_surface", "surface_state", sensor),
    one("parking", "free_count", { by: ["device", "lot"], chosen: ["zone"], aggregate: "last" }),
    one("parking", "occupied_count", {
      by: ["device", "lot"],
      chosen: ["zone"],
      aggregate: "last",
    }),
    one("traffic", "flow_vph", { by: ["device", "lane"], chosen: ["zone"] }),
    one("traffic", "speed_kmh", { by: ["device", "lane"], chosen: ["zone"] }),
    one("passage", "in_total", { by: ["device", "line"], chosen: ["zone"] }),
    one("radio", "battery_pct", { chosen: ["zone"] }),
  ],
);

const gateway = dashboardOf(
  {
    name: "gateway",
    title: "rackstreet: gateway",
    about: "What agents and the hub say of themselves: what waits, what was lost, what failed.",
  },
  { tags: ["device"] },
  [
    ...["queued_count", "oldest_s", "offered_total", "stored_total"].map((field) =>
      one("agent_health", field, { chosen: ["device"], aggregate: "max" }),
    ),
    ...["shed_full_total", "shed_disk_total", "shed_damaged_total", "refused_total"].map((field) =>
      one("agent_health", field, { chosen: ["device"] }),
    ),
    ...["polls_total", "failures_total", "poll_p99_ms", "spool_bytes"].map((field) =>
      one("agent_health", field, { chosen: ["device"], aggregate: "max" }),
    ),
    ...["loop_delay_ms", "rss_bytes"].map((field) =>
      one("agent_health", field, { chosen: ["device"], aggregate: "max" }),
    ),
    ...["store_state", "write_ms", "received_total", "stored_total", "queued_count"].map((field) =>
      one("hub_health", field),
    ),
    ...["refused_total", "overflow_total", "denied_total", "clients_count"].map((field) =>
      one("hub_health", field),
    ),
    ...["rollup_lag_s", "loop_delay_ms", "rss_bytes"].map((field) => one("hub_health", field)),
  ],
);

/** By name. */
export const shippedDashboards: Readonly<Record<string, Dashboard>> = {
  site,
  accelerators,
  street,
  gateway,
};
