/**
 * What waits for the context broker: of each entity the newest value of each attribute. Bounded by
 * the entities that a device and an agent may have; those beyond are left out and counted.
 */
import type { Entity } from "../../telemetry/index.ts";
import { mostOfDevice } from "../../telemetry/index.ts";

/** Entities of an agent. */
export const maxEntities = 50_000;

export class Waiting {
  readonly #waiting = new Map<string, Entity>();
  /** How many entities of each device have ever been, by the device's id. */
  readonly #known = new Map<string, Set<string>>();
  #total = 0;
  /** How often there were more entities than may be. */
  left = 0;

  get size(): number {
    return this.#waiting.size;
  }

  put(device: string, entities: readonly Entity[]): void {
    const known = this.#known.get(device) ?? new Set<string>();
    this.#known.set(device, known);
    for (const entity of entities) {
      if (!known.has(entity.id)) {
        if (known.size >= mostOfDevice || this.#total >= maxEntities) {
          this.left += 1;
          continue;
        }
        known.add(entity.id);
        this.#total += 1;
      }
      this.#waiting.set(entity.id, over(this.#waiting.get(entity.id), entity));
    }
  }

  /** Those that wait longest, which wait no more. */
  take(most: number): Entity[] {
    const taken: Entity[] = [];
    for (const [id, entity] of this.#waiting) {
      if (taken.length >= most) break;
      this.#waiting.delete(id);
      taken.push(entity);
    }
    return taken;
  }

  /** Were not taken by the broker; what came meanwhile is newer. */
  putBack(entities: readonly Entity[]): void {
    for (const entity of entities) {
      const newer = this.#waiting.get(entity.id);
      this.#waiting.set(entity.id, newer === undefined ? entity : over(entity, newer));
    }
  }
}

function over(older: Entity | undefined, newer: Entity): Entity {
  if (older === undefined) return newer;
  return { ...newer, attributes: { ...older.attributes, ...newer.attributes } };
}
