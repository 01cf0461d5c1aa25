/** The accelerators of one system, and their memory. */
import {
  memoryEnvironmentRows,
  memoryMetricsRows,
  memoryRows,
  processorEnvironmentRows,
  processorMetricsRows,
  processorRows,
} from "./accelerator.ts";
import { linked } from "./chassis-walk.ts";
import type { Json } from "./json.ts";
import { linkOf, list, member } from "./json.ts";
import type { Member, Walk } from "./tree.ts";
import { namedUnder } from "./tree.ts";

const kinds: ReadonlySet<unknown> = new Set(["GPU", "Accelerator"]);

/** Parts of memory that one accelerator may have. */
const maxMemories = 16;

export async function walkProcessors(walk: Walk, system: Member, main: boolean): Promise<void> {
  const named = namedUnder(system.id, main);
  for (const { path, body, id, via } of await walk.members(linkOf(system.body, "Processors"))) {
    if (!kinds.has(body["ProcessorType"])) continue;
    const gpu = named(id);
    walk.plan({ path, via, slow: true, rows: (resource) => processorRows(resource, gpu) });
    // Errors of the memory come before those of the caches.
    await walkMemory(walk, body, gpu);
    walk.plan(
      ...linked(linkOf(body, "MemorySummary/Metrics"), memoryMetricsRows, gpu),
      ...linked(linkOf(body, "EnvironmentMetrics"), processorEnvironmentRows, gpu),
      ...linked(linkOf(body, "Metrics"), processorMetricsRows, gpu),
    );
  }
}

async function walkMemory(walk: Walk, processor: Json, gpu: string): Promise<void> {
  for (const one of list(member(processor, "Links/Memory"), maxMemories)) {
    const path = linkOf(one);
    const body = await walk.look(path);
    if (path === undefined || body === undefined) continue;
    walk.plan({ path, slow: true, rows: (resource) => memoryRows(resource, gpu) });
    walk.plan(
      ...linked(linkOf(body, "Metrics"), memoryMetricsRows, gpu),
      ...linked(linkOf(body, "EnvironmentMetrics"), memoryEnvironmentRows, gpu),
    );
  }
}
