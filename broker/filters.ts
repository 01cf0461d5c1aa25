/** What one client is subscribed to, and at which QoS it hears a topic. */
import { TopicTree } from "./topic-tree.ts";

interface Granted {
  readonly qos: number;
  /** The last publish that the broker had numbered when this began. */
  readonly since: number;
}

/** Topics whose QoS is remembered; emptied when full. */
const knownMax = 1024;

export class Filters {
  /** Bounded by `limits.subscriptions`, as is the next. */
  readonly #filters = new Map<string, Granted>();
  readonly #tree = new TopicTree<Granted>();
  readonly #known = new Map<string, Granted>();

  get size(): number {
    return this.#filters.size;
  }

  has(filter: string): boolean {
    return this.#filters.has(filter);
  }

  /** One that is there already is replaced, and goes on [MQTT-3.8.4-3]. */
  add(filter: string, { qos, since }: Granted): void {
    const granted = { qos, since: this.#filters.get(filter)?.since ?? since };
    this.#filters.set(filter, granted);
    this.#tree.set(filter, granted);
    this.#known.clear();
  }

  delete(filter: string): void {
    if (!this.#filters.delete(filter)) return;
    this.#tree.delete(filter);
    this.#known.clear();
  }

  /**
   * The highest QoS of those that match a topic [MQTT-3.3.5-1]; -1 when none does. A publish that
   * was under way when a filter came is not for that: it comes as a retained one, or not at all.
   * @param number of the publish
   */
  qosOf(topic: string, number: number): number {
    let all = this.#known.get(topic);
    if (all === undefined) {
      all = highest(this.#tree.matchedBy(topic));
      if (this.#known.size >= knownMax) this.#known.clear();
      this.#known.set(topic, all);
    }
    if (all.since < number) return all.qos;
    return highest([...this.#tree.matchedBy(topic)].filter(({ since }) => since < number)).qos;
  }
}

/** The highest QoS, and the newest beginning, of several. */
function highest(granted: Iterable<Granted>): Granted {
  let qos = -1;
  let since = -1;
  for (const one of granted) {
    qos = Math.max(qos, one.qos);
    since = Math.max(since, one.since);
  }
  return { qos, since };
}
