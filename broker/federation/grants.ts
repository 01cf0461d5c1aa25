/**
 * Which peer may have what: a file of topic filters within the hub's own region. Summaries are
 * rows of roll-ups; they travel on topics of class `summary-5m`, which no other grant matches:
 *
 *   grants:
 *     - peer: province
 *       items: ["rackstreet/v1/hangzhou/power/hall-1/power/pdu-1/#"]
 *     - peer: province
 *       summaries: [5m]
 *       items: ["rackstreet/v1/hangzhou/+/+/+/+/telemetry"]
 *
 * Limits: `most` items of one grant and grants of one file; `maxKnown` topics are remembered.
 */
import type { Schema } from "../../config/index.ts";
import { ComplaintsError, levelName, v, validate, YamlFile } from "../../config/index.ts";
import type { RollupWindow } from "../../telemetry/index.ts";
import { rollupNames, topicRoot } from "../../telemetry/index.ts";
import { covers, isFilter, peerKinds } from "../access.ts";
import { TopicTree } from "../topic-tree.ts";

/** One entry of the file. */
export interface PeerGrant {
  readonly peer: string;
  readonly items: readonly string[];
  /** None: the topics themselves. */
  readonly summaries: readonly RollupWindow[];
}

const most = { items: 10_000, grants: 1000 } as const;

const form: Schema<{ readonly grants: readonly PeerGrant[] }> = v.strictObject({
  grants: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          peer: levelName,
          items: v.pipe(
            v.array(v.pipe(v.string(), v.check(isFilter, "not an MQTT topic filter"))),
            v.maxLength(most.items),
          ),
          summaries: v.optional(v.array(v.picklist(rollupNames)), []),
        }),
      ),
      v.maxLength(most.grants),
    ),
    [],
  ),
});

/**
 * The grants of a file. A region's hub can give away only what is its own.
 * @throws E_CONFIG (ComplaintsError) naming every mistake
 */
export function parseGrants(
  text: string,
  { file, region, peers }: { readonly file: string; region: string; peers: readonly string[] },
): readonly PeerGrant[] {
  const yaml = new YamlFile(file, text);
  const { grants } = validate(form, yaml);
  const own = `${topicRoot}/${region}/#`;
  const complaints = grants.flatMap(({ peer, items, summaries }, at) => [
    ...(peers.includes(peer)
      ? []
      : [yaml.complain(["grants", at, "peer"], `federation.peers has no ${peer}`)]),
    ...items.flatMap((item, index) => {
      const problem = problemOfItem(item, own, summaries.length > 0);
      return problem === undefined ? [] : [yaml.complain(["grants", at, "items", index], problem)];
    }),
  ]);
  if (complaints.length > 0) throw new ComplaintsError(complaints);
  return grants;
}

function problemOfItem(item: string, own: string, summed: boolean): string | undefined {
  if (!covers(own, item)) return `not within ${own}, which is all that this hub may give away`;
  const levels = item.split("/");
  if (levels.length > 8) return "topics have eight levels";
  const kindOf = levels[classLevel] ?? "#";
  if (summed && kindOf !== "+" && kindOf !== "#") return "summaries know no class: write +";
  return undefined;
}

const classLevel = 5;
const summaryClass = "summary-";

/** The class on whose topics summaries of a window travel. */
export function summaryClassOf(window: RollupWindow): string {
  return `${summaryClass}${window}`;
}

/** Whether a class is that of summaries. */
export function isSummary(deviceClass: string): boolean {
  return deviceClass.startsWith(summaryClass);
}

/** Topics judged lately; all are forgotten when full. */
const maxKnown = 50_000;

/** What one peer may have. */
export class PeerRights {
  readonly #raw = new TopicTree<true>();
  readonly #summaries = new Map<string, TopicTree<true>>();
  readonly #known = new Map<string, boolean>();
  /** Items that it is granted. */
  readonly items: number;

  constructor(grants: readonly PeerGrant[]) {
    for (const { items, summaries } of grants) {
      const trees = summaries.length === 0 ? [this.#raw] : summaries.map((one) => this.#of(one));
      for (const tree of trees) for (const item of items) tree.set(item, true);
    }
    const trees = [this.#raw, ...this.#summaries.values()];
    this.items = trees.reduce((sum, { size }) => sum + size, 0);
  }

  /** Whether the peer may have what a topic carries. */
  permits(topic: string): boolean {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const permitted = this.#judge(topic);
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(topic, permitted);
    return permitted;
  }

  #judge(topic: string): boolean {
    const levels = topic.split("/");
    const deviceClass = levels[classLevel] ?? "";
    if (deviceClass === "hub" || !kinds.has(levels.at(-1) ?? "")) return false;
    const tree = isSummary(deviceClass) ? this.#summaries.get(deviceClass) : this.#raw;
    return tree?.matchedBy(topic).next().done === false;
  }

  #of(window: RollupWindow): TopicTree<true> {
    const name = summaryClassOf(window);
    const tree = this.#summaries.get(name) ?? new TopicTree<true>();
    this.#summaries.set(name, tree);
    return tree;
  }
}

const kinds: ReadonlySet<string> = peerKinds;
