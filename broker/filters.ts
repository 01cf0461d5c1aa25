/** What one client is subscribed to, and at which QoS it hears a topic. */
import { covers } from "./access.ts";
import { TopicTree } from "./topic-tree.ts";

interface Granted {
  readonly qos: number;
  /** The last publish that the broker had numbered when this began. */
  readonly since: number;
}

/** Topics whose QoS is remembered; emptied when full. */
const knownMax = 1024;
/** Up to so many filters are looked at one by one: a tree costs an idle client 1 kB. */
const fewFilters = 8;

export class Filters {
  /** Bounded by `limits.subscriptions`; made for who subscribes at all. */
  #filters: Map<string, Granted> | undefined;
  /** The same, where there are many. */
  #tree: TopicTree<Granted> | undefined;
  #known: Map<string, Granted> | undefined;

  get size(): number {
    return this.#filters?.size ?? 0;
  }

  has(filter: string): boolean {
    return this.#filters?.has(filter) === true;
  }

  /** One that is there already is replaced, and goes on [MQTT-3.8.4-3]. */
  add(filter: string, { qos, since }: Granted): void {
    const granted = { qos, since: this.#filters?.get(filter)?.since ?? since };
    const filters = (this.#filters ??= new Map());
    filters.set(filter, granted);
    if (this.#tree !== undefined) this.#tree.set(filter, granted);
    else if (filters.size > fewFilters) this.#tree = treeOf(filters);
    this.#known = undefined;
  }

  delete(filter: string): void {
    if (this.#filters?.delete(filter) !== true) return;
    this.#tree?.delete(filter);
    this.#known = undefined;
  }

  /**
   * The highest QoS of those that match a topic [MQTT-3.3.5-1]; -1 when none does. A publish that
   * was under way when a filter came is not for that: it comes as a retained one, or not at all.
   * @param number of the publish
   */
  qosOf(topic: string, number: number): number {
    if (this.size === 0) return -1;
    const known = (this.#known ??= new Map());
    let all = known.get(topic);
    if (all === undefined) {
      all = highest(this.#matchedBy(topic));
      if (known.size >= knownMax) known.clear();
      known.set(topic, all);
    }
    if (all.since < number) return all.qos;
    return highest([...this.#matchedBy(topic)].filter(({ since }) => since < number)).qos;
  }

  *#matchedBy(topic: string): Iterable<Granted> {
    if (this.#tree !== undefined) yield* this.#tree.matchedBy(topic);
    else {
      for (const [filter, granted] of this.#filters ?? []) {
        if (covers(filter, topic)) yield granted;
      }
    }
  }
}

function treeOf(filters: ReadonlyMap<string, Granted>): TopicTree<Granted> {
  const tree = new TopicTree<Granted>();
  for (const [filter, granted] of filters) tree.set(filter, granted);
  return tree;
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
