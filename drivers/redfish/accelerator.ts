/**
 * Processors of the type GPU: Processor, its EnvironmentMetrics and ProcessorMetrics, and the
 * metrics of its memory. What the schemas lack stands under `Oem/Nvidia` of HGX boards.
 * (DSP0268: Processor 1.20, ProcessorMetrics 1.6, MemoryMetrics 1.7, EnvironmentMetrics 1.3)
 */
import { durationOf, member, numberOf } from "./json.ts";
import type { Resource, Row, Rule } from "./row.ts";
import { healthOf, rowOf } from "./row.ts";

const mib = 1024 * 1024;

function accelerator(resource: Resource, gpu: string, rules: readonly Rule[]): Row[] {
  return rowOf(resource, { measurement: "accelerator", channel: ["gpu", gpu] }, rules);
}

export function processorRows(resource: Resource, gpu: string): Row[] {
  return accelerator(resource, gpu, [
    { field: "health_state", at: "Status", read: healthOf },
    { field: "mem_total_bytes", at: "MemorySummary/TotalMemorySizeMiB", scale: mib },
  ]);
}

export function processorEnvironmentRows(resource: Resource, gpu: string): Row[] {
  return accelerator(resource, gpu, [
    { field: "power_w", at: "PowerWatts" },
    { field: "temp_c", at: "TemperatureCelsius" },
    { field: "energy_wh_total", at: "EnergykWh", scale: 1000 },
    { field: "energy_wh_total", at: "EnergyJoules", scale: 1 / 3600 },
    { field: "power_limit_w", at: "PowerLimitWatts" },
    { field: "fan_pct", at: "FanSpeedsPercent/0" },
  ]);
}

export function processorMetricsRows(resource: Resource, gpu: string): Row[] {
  const errors = "CacheMetricsTotal/LifeTime";
  return accelerator(resource, gpu, [
    { field: "util_pct", at: "BandwidthPercent" },
    { field: "sm_clock_hz", at: "OperatingSpeedMHz", scale: 1e6 },
    { field: "core_v", at: "CoreVoltage" },
    { field: "throttle_power_ms_total", at: "PowerLimitThrottleDuration", read: durationOf },
    { field: "throttle_thermal_ms_total", at: "ThermalLimitThrottleDuration", read: durationOf },
    { field: "ecc_ce_total", at: `${errors}/CorrectableECCErrorCount` },
    { field: "ecc_ue_total", at: `${errors}/UncorrectableECCErrorCount` },
    { field: "pcie_replay_total", at: "PCIeErrors/ReplayCount" },
    { field: "sm_active_ratio", at: "Oem/Nvidia/SMActivityPercent", scale: 0.01 },
    { field: "tensor_active_ratio", at: "Oem/Nvidia/TensorCoreActivityPercent", scale: 0.01 },
    // Before ProcessorMetrics 1.2 these stood here.
    { field: "power_w", at: "ConsumedPowerWatt" },
    { field: "temp_c", at: "TemperatureCelsius" },
  ]);
}

export function memoryRows(resource: Resource, gpu: string): Row[] {
  return accelerator(resource, gpu, [{ field: "mem_total_bytes", at: "CapacityMiB", scale: mib }]);
}

export function memoryEnvironmentRows(resource: Resource, gpu: string): Row[] {
  return accelerator(resource, gpu, [{ field: "mem_temp_c", at: "TemperatureCelsius" }]);
}

export function memoryMetricsRows(resource: Resource, gpu: string): Row[] {
  const remapping = "Oem/Nvidia/RowRemapping";
  return accelerator(resource, gpu, [
    { field: "mem_util_pct", at: "BandwidthPercent" },
    { field: "mem_clock_hz", at: "OperatingSpeedMHz", scale: 1e6 },
    { field: "ecc_ce_total", at: "LifeTime/CorrectableECCErrorCount" },
    { field: "ecc_ue_total", at: "LifeTime/UncorrectableECCErrorCount" },
    { field: "retired_pages_count", at: remapping, read: remappedRows },
    { field: "retired_pending_state", at: "Oem/Nvidia/RowRemappingPending", read: yes },
  ]);
}

function remappedRows(counts: unknown): number | undefined {
  const names = ["CorrectableRowRemappingCount", "UncorrectableRowRemappingCount"] as const;
  const known = names.flatMap((name) => numberOf(member(counts, name)) ?? []);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0);
}

function yes(value: unknown): number | undefined {
  return typeof value === "boolean" ? Number(value) : undefined;
}
