/**
 * Episodes: what would have fired, from when to when, and how bad it got. Made of transitions and
 * of each judgement in between. Limit: `maxEpisodes`; what is too much is counted, not kept.
 */
import type { Tags } from "../../telemetry/index.ts";
import type { Group } from "../groups.ts";
import type { Severity } from "../rule.ts";
import type { Transition } from "../transition.ts";

/** One firing of one alert. */
export interface Episode {
  readonly rule: string;
  readonly severity: Severity;
  readonly tags: Tags;
  /** When it fired. @unit ms since 1970-01-01 UTC */
  readonly since: number;
  /** When it resolved; absent: it was still firing at the end. @unit ms since 1970-01-01 UTC */
  until?: number;
  /** The worst value while it fired; of a silence its length in s. */
  peak: number | undefined;
  readonly unit: string;
  readonly threshold: number;
}

/** A year of an alert a minute. */
export const maxEpisodes = 500_000;

interface Open {
  readonly episode: Episode;
  /** Of a silence: how long it had lasted when it fired. @unit s */
  readonly silence: number | undefined;
  /** Since when it is right again, while it waits for `keep`. @unit ms since 1970-01-01 UTC */
  calm?: number | undefined;
}

export interface RuleFacts {
  readonly kind: "live" | "stored" | "absent";
  /** Which value is the worse one. */
  readonly side: "above" | "below";
}

export class Episodes {
  readonly all: Episode[] = [];
  /** Episodes that were too many to keep. */
  left = 0;
  readonly #facts: (rule: string) => RuleFacts;
  readonly #open = new Map<string, Open>();

  constructor(facts: (rule: string) => RuleFacts) {
    this.#facts = facts;
  }

  /** Takes a transition. */
  told(transition: Transition): void {
    const { rule, tags, to, from, time, severity, unit, threshold, value } = transition;
    const key = keyOf(rule, transition);
    if (to === "firing" && from !== "unknown") {
      const episode: Episode = { rule, severity, tags, since: time, peak: value, unit, threshold };
      const absent = this.#facts(rule).kind === "absent";
      this.#open.set(key, { episode, silence: absent ? (value ?? 0) : undefined });
      if (this.all.length < maxEpisodes) this.all.push(episode);
      else this.left += 1;
    } else if (to === "resolved" || to === "inactive") {
      const open = this.#open.get(key);
      if (open === undefined) return;
      open.episode.until = time;
      endSilence(open, time);
      this.#open.delete(key);
    }
  }

  /** Hears how bad it is between transitions. */
  judged(group: Group): void {
    const { life, rule } = group;
    if (life.phase !== "firing") return;
    const open = this.#open.get(keyOf(rule.id, group));
    if (open === undefined) return;
    const { episode, silence } = open;
    open.calm = life.clock;
    if (silence !== undefined || life.value === undefined) return;
    const pick = this.#facts(rule.id).side === "above" ? Math.max : Math.min;
    episode.peak = pick(episode.peak ?? life.value, life.value);
  }

  /** Ends the lengths of silences that go on. @param time ms since 1970-01-01 UTC */
  close(time: number): void {
    for (const open of this.#open.values()) endSilence(open, time);
  }
}

function endSilence({ episode, silence, calm }: Open, time: number): void {
  if (silence !== undefined) episode.peak = silence + ((calm ?? time) - episode.since) / 1000;
}

function keyOf(rule: string, { address, tags }: Pick<Group, "address" | "tags">): string {
  return JSON.stringify([rule, address.region, address.org, address.site, address.device, tags]);
}
