/** What one client is subscribed to, and at which QoS it hears a topic. */
import { TopicTree } from "./topic-tree.ts";

/** Topics whose QoS is remembered; emptied when full. */
const knownMax = 1024;

export class Filters {
  /** QoS by filter; bounded by `limits.subscriptions`. */
  readonly #filters = new Map<string, number>();
  readonly #tree = new TopicTree<number>();
  readonly #known = new Map<string, number>();

  get size(): number {
    return this.#filters.size;
  }

  has(filter: string): boolean {
    return this.#filters.has(filter);
  }

  add(filter: string, qos: number): void {
    this.#filters.set(filter, qos);
    this.#tree.set(filter, qos);
    this.#known.clear();
  }

  delete(filter: string): void {
    if (!this.#filters.delete(filter)) return;
    this.#tree.delete(filter);
    this.#known.clear();
  }

  /** The highest QoS of those that match a topic [MQTT-3.3.5-1]; 0 when none does. */
  qosOf(topic: string): number {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const qos = Math.max(0, ...this.#tree.matchedBy(topic));
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(topic, qos);
    return qos;
  }
}
