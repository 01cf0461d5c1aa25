/**
 * Who is without power when equipment has failed, by the topology of the hub's own site. What
 * several ways feed is without power only when all have failed; a UPS goes on without its feed,
 * though what it says then follows from that.
 */
import type { Topology } from "../../config/index.ts";
import type { Site } from "../../telemetry/index.ts";

/** A device of an alert. */
interface OfDevice {
  /** `region/org/site/device`. */
  readonly device: string;
}

export class Power {
  readonly #topology: Topology;
  readonly #site: string;
  /** What each device measures. */
  readonly #measured = new Map<string, string[]>();

  constructor(topology: Topology, { region, org, site }: Site) {
    this.#topology = topology;
    this.#site = `${region}/${org}/${site}/`;
    for (const { id, meters } of topology.elements.values()) {
      for (const { device } of meters.flat()) {
        const known = this.#measured.get(device) ?? [];
        if (!known.includes(id)) this.#measured.set(device, [...known, id]);
      }
    }
  }

  /** Of each device the failure that leaves it without power; the first failure counts. */
  blackout<F extends OfDevice>(failures: readonly F[]): (device: string) => F | undefined {
    const unfed = this.#unfed(failures);
    return (device) => {
      const id = this.#own(device);
      if (id === undefined) return undefined;
      const elements = this.#measured.get(id) ?? this.#rackOf(id);
      const causes = elements.map((element) => unfed.get(element));
      return causes.every((cause) => cause !== undefined) ? causes[0] : undefined;
    };
  }

  /** Equipment and racks that nothing feeds any more, by the failure behind it. */
  #unfed<F extends OfDevice>(failures: readonly F[]): ReadonlyMap<string, F> {
    const dead = new Map<string, F>();
    for (const failure of failures) {
      const id = this.#own(failure.device);
      for (const element of (id === undefined ? undefined : this.#measured.get(id)) ?? []) {
        if (!dead.has(element)) dead.set(element, failure);
      }
    }
    const unfed = new Map<string, F>();
    // What feeds stands before what it feeds.
    for (const { id, kind, parents } of this.#topology.elements.values()) {
      const [first] = parents;
      const cause = first === undefined ? undefined : dead.get(first);
      if (cause === undefined || !parents.every((parent) => dead.has(parent))) continue;
      unfed.set(id, cause);
      if (kind !== "ups" && !dead.has(id)) dead.set(id, cause);
    }
    return unfed;
  }

  #rackOf(device: string): readonly string[] {
    const place = this.#topology.placeOfDevice(device);
    if (place === undefined) return [];
    return this.#topology.elements.get(place)?.kind === "rack" ? [place] : [];
  }

  #own(device: string): string | undefined {
    return device.startsWith(this.#site) ? device.slice(this.#site.length) : undefined;
  }
}
