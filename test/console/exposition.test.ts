/** The page for Prometheus: its form, and whatever names and texts come. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exposition } from "../../console/index.ts";

describe("the page", () => {
  it("has each family once, with the register's sentence and a type", () => {
    const point = {
      measurement: "agent_health",
      fields: { offered_total: 7, rss_bytes: 5e7, q: 0 },
    };
    const labels = { site: "hall", device: "agent" };
    const count = { name: "broker_cut_total", about: "Ended.", labels: { reason: "egress" } };
    const page = exposition([{ labels, point }], [{ ...count, value: 2 }]);
    expect(page).toContain(
      "# TYPE rackstreet_agent_health_offered_total counter\n" +
        'rackstreet_agent_health_offered_total{device="agent",site="hall"} 7\n',
    );
    expect(page).toMatch(/^# TYPE rackstreet_agent_health_rss_bytes gauge$/m);
    expect(page).toMatch(/^# HELP rackstreet_agent_health_rss_bytes Resident memory\.$/m);
    expect(page).toContain('rackstreet_broker_cut_total{reason="egress"} 2\n');
  });

  it("keeps to its lines whatever stands in a label or a sentence", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (text, about) => {
        const page = exposition([], [{ name: "x_count", about, labels: { text }, value: 1 }]);
        const lines = page.split("\n");
        expect(lines).toHaveLength(4);
        const [, quoted = ""] = /^rackstreet_x_count\{text="(.*)"\} 1$/s.exec(lines[2] ?? "") ?? [];
        const unescaped = quoted.replaceAll(/\\(.)/g, (_, one) => (one === "n" ? "\n" : one));
        expect(unescaped).toBe(text);
      }),
    );
  });
});
