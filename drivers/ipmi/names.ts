/**
 * Tags of sensors: the controller's name for each, made safe, unique and lasting. They follow from
 * the whole list that the controller keeps, never from what is chosen of it or has a reading now.
 */
import type { Sensor } from "./found.ts";

/** @unit characters */
const longestName = 48;

/** A name as a tag: a-z, 0-9, _ and -. */
export function safeTag(name: string): string {
  const tag = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, "-")
    .slice(0, longestName)
    .replaceAll(/^-+|-+$/g, "");
  return tag === "" ? "sensor" : tag;
}

/**
 * The tag of each sensor. Sensors of one name are told apart by what they are part of, where that
 * does it, else by their number.
 */
export function tagsOf(sensors: readonly Sensor[]): ReadonlyMap<Sensor, string> {
  const alike = Map.groupBy(sensors, ({ name }) => safeTag(name));
  const tags = new Map<Sensor, string>();
  const taken = new Set(alike.keys());
  for (const [name, group] of alike) {
    if (group.length === 1) {
      for (const sensor of group) tags.set(sensor, name);
      continue;
    }
    const entities = new Set(group.map(({ entity }) => entity));
    const byEntity = entities.size === group.length && !entities.has(undefined);
    for (const sensor of group) {
      const mark = byEntity ? sensor.entity?.replace(".", "-") : sensor.key;
      tags.set(sensor, free(`${name}_${mark}`, taken));
    }
  }
  return tags;
}

/** The name itself, or with the first number behind it that nobody has; it is taken then. */
export function free(name: string, taken: Set<string>): string {
  let unique = name;
  for (let nth = 2; taken.has(unique); nth += 1) unique = `${name}_${nth}`;
  taken.add(unique);
  return unique;
}

/** Whether a name fits one of the patterns; `*` stands for any characters. */
export function fits(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matches(name, pattern.split("*")));
}

/** By parts, in order: no expression of the user's is compiled, so none can take for ever. */
function matches(name: string, parts: readonly string[]): boolean {
  const [first = "", ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
