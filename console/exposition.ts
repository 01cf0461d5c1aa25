/**
 * What a process knows of itself as a page that Prometheus scrapes: text format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). Names and sentences are the register's.
 *
 *   # HELP rackstreet_hub_health_stored_total Batches stored.
 *   # TYPE rackstreet_hub_health_stored_total counter
 *   rackstreet_hub_health_stored_total{device="hub-1",site="hall"} 1234
 */
import type { Point } from "../telemetry/index.ts";
import { fieldFacts } from "../telemetry/index.ts";

export type Labels = Readonly<Record<string, string>>;

/** A point, and whose it is. */
export interface Labelled {
  readonly labels: Labels;
  readonly point: Point;
}

/** One number that stands in no point: what is counted by reason, say. */
export interface Count {
  readonly name: string;
  readonly about: string;
  readonly labels: Labels;
  readonly value: number;
}

interface Family {
  readonly about: string;
  readonly lines: string[];
}

const prefix = "rackstreet";

/** The page. Texts are left out: they are no numbers. */
export function exposition(points: readonly Labelled[], counts: readonly Count[]): string {
  const families = new Map<string, Family>();
  const add = ({ name, about, labels, value }: Count): void => {
    const full = `${prefix}_${name}`;
    const family = families.get(full) ?? { about, lines: [] };
    family.lines.push(`${full}${labelText(labels)} ${value}`);
    families.set(full, family);
  };
  for (const { labels, point } of points) {
    const { measurement, tags = {}, fields } = point;
    for (const [field, value] of Object.entries(fields)) {
      if (typeof value !== "number") continue;
      const about = fieldFacts(measurement, field)?.entry?.about ?? field;
      add({ name: `${measurement}_${field}`, about, labels: { ...labels, ...tags }, value });
    }
  }
  for (const count of counts) add(count);
  return [...families].map(([name, family]) => familyText(name, family)).join("");
}

function familyText(name: string, { about, lines }: Family): string {
  const type = name.endsWith("_total") ? "counter" : "gauge";
  const help = about.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("\n")}\n`;
}

function labelText(labels: Labels): string {
  const names = Object.keys(labels).toSorted();
  if (names.length === 0) return "";
  return `{${names.map((name) => `${name}="${escaped(labels[name] ?? "")}"`).join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
