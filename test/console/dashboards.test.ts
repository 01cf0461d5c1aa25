/** The shape of the dashboards: what Grafana would refuse, or draw over something else. */
import { describe, expect, test } from "vitest";
import { capacityDashboard, shippedDashboards } from "../../console/index.ts";
import { questionsOf } from "../../alerts/index.ts";
import { place, since, topologyWith, until } from "../alerts/queries/site.ts";

const questions = questionsOf(topologyWith(true), place);
const all = Object.entries({
  ...shippedDashboards,
  capacity: capacityDashboard(questions, "a-site-of-sixty-four-letters", { since, until }),
});

describe.each(all)("the dashboard %s", (_, dashboard) => {
  test("has an id that Grafana takes, and panels with ids of their own", () => {
    expect(dashboard.uid).toMatch(/^[a-z0-9-]{1,40}$/);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("has no panel over another or beyond the edge", () => {
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect(x + w, title).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column += 1) {
        for (let row = y; row < y + h; row += 1) {
          expect(taken.has(`${column} ${row}`), title).toBe(false);
          taken.add(`${column} ${row}`);
        }
      }
    }
  });

  test("asks only for choices that it offers", () => {
    const offered = new Set(dashboard.templating.list.map(({ name }) => name));
    const queries = dashboard.panels.flatMap(({ targets = [] }) =>
      targets.flatMap((target) => ("query" in target ? [target.query] : [])),
    );
    const asked = queries.flatMap((query) =>
      [...query.matchAll(/\$([a-zA-Z]+)\b/g)].map(([, name = ""]) => name),
    );
    expect(asked.filter((name) => name !== "timeFilter" && !offered.has(name))).toEqual([]);
  });
});
