/** What tests of SNMP share: a profile and the walk of a device that has all of it. */
import { parseWalk } from "./agent.ts";

/** A profile file's content around the given points. */
export function profileOf(points: readonly unknown[], header: unknown = {}) {
  return {
    id: "test-device",
    vendor: "Test",
    model: "Device",
    class: "power",
    driver: "snmp",
    sources: ["written for a test"],
    confidence: "high",
    header,
    points,
  };
}

const base = "1.3.6.1.4.1.99999";

/** Objects, a table with names, powers of ten, counters. */
export const pdu = profileOf(
  [
    {
      measurement: "rack_power",
      tags: { feed: "1" },
      fields: {
        active_power_w: { at: `${base}.1.1.0`, scale: 10 },
        energy_wh_total: { at: `${base}.1.2.0`, scale: 100 },
      },
    },
    {
      measurement: "pdu_outlet",
      tags: { outlet: `{${base}.2.1.2}` },
      every: "30s",
      fields: {
        outlet_state: { at: `${base}.2.1.3`, states: { 1: 0, 2: 1 } },
        current_a: { at: `${base}.2.1.4`, powers: [{ at: `${base}.2.1.5`, times: -1 }] },
      },
    },
  ],
  { identify: [`${base}.9`], notices: { [`${base}.0.7`]: "overload" } },
);

export const pduWalk = parseWalk(`
1.3.6.1.2.1.1.2.0|6|${base}.9.1
${base}.1.1.0|66|123
${base}.1.2.0|65|4294967290
${base}.2.1.1.1|2|1
${base}.2.1.1.2|2|2
${base}.2.1.2.1|4|A1
${base}.2.1.2.2|4|A2
${base}.2.1.3.1|2|2
${base}.2.1.3.2|2|1
${base}.2.1.4.1|66|152
${base}.2.1.4.2|66|0
${base}.2.1.5.1|2|2
${base}.2.1.5.2|2|2
${base}.3.0|4|behind the table
`);

export const privateBase = base;
