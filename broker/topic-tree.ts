/**
 * Values by topic or by topic filter, a level a step: what a filter matches, or what matches a
 * topic, is found without looking at the rest.
 */

interface Node<T> {
  readonly below: Map<string, Node<T>>;
  value: T | undefined;
}

function newNode<T>(): Node<T> {
  return { below: new Map(), value: undefined };
}

export class TopicTree<T> {
  readonly #root = newNode<T>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(path: string): T | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const level of path.split("/")) node = node?.below.get(level);
    return node?.value;
  }

  set(path: string, value: T): void {
    let node = this.#root;
    for (const level of path.split("/")) {
      let next = node.below.get(level);
      if (next === undefined) {
        next = newNode();
        node.below.set(level, next);
      }
      node = next;
    }
    if (node.value === undefined) this.#size += 1;
    node.value = value;
  }

  delete(path: string): void {
    const way: (readonly [Node<T>, string])[] = [];
    let node = this.#root;
    for (const level of path.split("/")) {
      const next = node.below.get(level);
      if (next === undefined) return;
      way.push([node, level]);
      node = next;
    }
    if (node.value === undefined) return;
    node.value = undefined;
    this.#size -= 1;
    for (const [above, level] of way.toReversed()) {
      const child = above.below.get(level);
      if (child === undefined || child.value !== undefined || child.below.size > 0) return;
      above.below.delete(level);
    }
  }

  /** The values of topics that a filter matches. */
  *matching(filter: string): Generator<T> {
    yield* below(this.#root, filter.split("/"), 0);
  }

  /** The values of filters that match a topic. */
  *matchedBy(topic: string): Generator<T> {
    yield* above(this.#root, topic.split("/"), 0);
  }
}

/** A leading wildcard does not reach topics that begin with $. [MQTT-4.7.2-1] */
function hidden(level: string, depth: number): boolean {
  return depth === 0 && level.startsWith("$");
}

function* below<T>(node: Node<T>, levels: readonly string[], depth: number): Generator<T> {
  const level = levels[depth];
  if (level === undefined) {
    if (node.value !== undefined) yield node.value;
    return;
  }
  if (level === "#") yield* all(node, depth);
  else if (level === "+") {
    for (const [name, next] of node.below) {
      if (!hidden(name, depth)) yield* below(next, levels, depth + 1);
    }
  } else {
    const next = node.below.get(level);
    if (next !== undefined) yield* below(next, levels, depth + 1);
  }
}

/** `#` matches its parent too. [MQTT-4.7.1-2] */
function* all<T>(node: Node<T>, depth: number): Generator<T> {
  if (node.value !== undefined) yield node.value;
  for (const [name, next] of node.below) if (!hidden(name, depth)) yield* all(next, depth + 1);
}

function* above<T>(node: Node<T>, levels: readonly string[], depth: number): Generator<T> {
  const level = levels[depth];
  const rest = node.below.get("#");
  const wild = level === undefined || !hidden(level, depth);
  if (wild && rest?.value !== undefined) yield rest.value;
  if (level === undefined) {
    if (node.value !== undefined) yield node.value;
    return;
  }
  const exact = node.below.get(level);
  if (exact !== undefined) yield* above(exact, levels, depth + 1);
  const any = wild ? node.below.get("+") : undefined;
  if (any !== undefined) yield* above(any, levels, depth + 1);
}
