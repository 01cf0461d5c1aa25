/**
 * The corpus of exporters: every profile that ships parses, cites its source, uses the register's
 * names, gives each of its fields from a page with all its series, and has a golden case.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { profileSchema, v } from "../../../config/index.ts";
import { profiles } from "../../../config/profiles.gen.ts";
import { groupName } from "../../../drivers/groups.ts";
import type { Where } from "../../../drivers/prometheus/conditions.ts";
import type { FieldForm } from "../../../drivers/prometheus/profile.ts";
import { prometheusProfile } from "../../../drivers/prometheus/profile.ts";
import { problemOf, unitOf } from "../../../telemetry/index.ts";
import { never } from "../modbus/world.ts";
import { openDevice, startExporter } from "./world.ts";

const root = join(import.meta.dirname, "../../..");
const form = profileSchema("prometheus", prometheusProfile);
const files = await readdir(join(root, "config/profiles/prometheus"));
const ids = files.map((name) => name.replace(/\.yaml$/, ""));

/** A value that satisfies patterns. */
function fitting(patterns: readonly string[] = []): string {
  const [first = "x"] = patterns.filter((one) => !one.startsWith("!"));
  return first.replaceAll("*", "x");
}

/** A line for each term of a form, with labels that satisfy its row. */
function linesOf(tag: string, own: Where | undefined, one: FieldForm): string[] {
  const { metric, where, take, plus, less, over, states } = one;
  const terms = [{ metric, where, take }, ...plus, ...less];
  if (typeof over === "object") terms.push(over);
  const code = Object.keys(states ?? {})[0];
  return terms.map((term, index) => {
    const labels = { ...own, ...term.where };
    for (const [, label = ""] of tag.matchAll(/\{(\w+)\}/g)) labels[label] ??= ["c"];
    const parts = Object.entries(labels)
      .map(([label, patterns]) => `${label}="${fitting(patterns)}"`)
      .join(",");
    return `${term.metric}{${parts}} ${code ?? 1000 - index}`;
  });
}

describe.each(ids)("%s", (id) => {
  const profile = v.parse(form, profiles[id]);

  it("is called after its file, and says where its facts come from", () => {
    expect(profile.id).toBe(id);
    for (const source of profile.sources) expect(source.length).toBeGreaterThan(10);
    for (const caveat of profile.caveats) expect(caveat).toMatch(/^[A-Z0-9].*\.$/);
    const named = [...profile.header.steady, ...Object.keys(profile.header.where)];
    const known = profile.points.map(({ measurement }) => measurement);
    for (const measurement of named) expect(known).toContain(measurement);
  });

  it("gives each of its fields, as the register has them", async () => {
    const rows = profile.points.flatMap(({ fields, ...row }) =>
      Object.entries(fields).flatMap(([name, forms]) =>
        // A rate takes two readings.
        forms.filter(({ rate }) => rate !== true).map((one) => ({ ...row, name, one })),
      ),
    );
    for (const { measurement, tags = {}, every, name, one } of rows) {
      const [tag = ""] = Object.values(tags);
      const page = linesOf(tag, profile.header.where[measurement], one).join("\n");
      await using exporter = await startExporter(() => page);
      const options = { url: exporter.url };
      await using device = await openDevice({ options, profile: profiles[id] });
      const { points } = await device.session.read([groupName(every)], never);
      const point = points.find((point) => point.measurement === measurement);
      expect(point?.fields, `${measurement} ${name}: ${page}`).toHaveProperty(name);
      expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
      expect(unitOf(name)).toBeDefined();
    }
  });

  it("has a golden case", async () => {
    const folder = join(root, "test/golden/drivers/prometheus");
    const cases = await readdir(folder);
    const configs = await Promise.all(
      cases.map((name) => readFile(join(folder, name, "config.yaml"), "utf8")),
    );
    expect(configs.some((config) => config.includes(`profile: ${id}`))).toBe(true);
  });
});
