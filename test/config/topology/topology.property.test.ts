/** What holds of every topology: no watt twice, closures that agree, the same in any order. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Topology } from "../../../config/index.ts";
import {
  failuresOf,
  measuredPower,
  nameplate,
  paperFindings,
  paperFlow,
  seriesName,
  topologyOf,
  topologyProblems,
} from "../../../config/index.ts";
import { randomOptions, reordered } from "./sites.ts";

const topologies = randomOptions.map(({ options, devices }) =>
  topologyOf(options, { name: "site", devices }),
);

function all(topology: Topology) {
  return [...topology.elements.values()];
}

describe("a random site", () => {
  test("has no mistakes", () => {
    fc.assert(
      fc.property(randomOptions, ({ options, devices }) => {
        expect(topologyProblems(options, { name: "site", devices })).toEqual([]);
      }),
    );
  });

  test("is walked up and down alike, and nothing is above itself", () => {
    fc.assert(
      fc.property(topologies, (topology) => {
        for (const element of all(topology)) {
          const up = topology.upstream(element.id);
          expect(up).not.toContain(element);
          for (const above of up) expect(topology.downstream(above.id)).toContain(element);
          const around = topology.placesAround(element.id);
          for (const place of around) expect(topology.within(place.id)).toContain(element);
          if (element.kind !== "site") expect(around.at(-1)?.kind).toBe("site");
        }
      }),
    );
  });

  test("takes from its sources what its live loads take, whatever has failed", () => {
    fc.assert(
      fc.property(topologies, (topology) => {
        for (const { elements } of [{ elements: new Set<string>() }, ...failuresOf(topology)]) {
          const flow = paperFlow(topology, elements);
          const sum = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0);
          const taken = all(topology).map((one) =>
            flow.isLive(one.id) ? nameplate(topology, one).watts : 0,
          );
          const sources = all(topology).filter(({ kind }) => kind === "source");
          expect(sum(sources.map(({ id }) => flow.of(id).watts))).toBeCloseTo(sum(taken), 3);
        }
      }),
    );
  });

  test("counts no load twice on a feed: nothing carries more than all that is behind it", () => {
    fc.assert(
      fc.property(topologies, (topology) => {
        const flow = paperFlow(topology);
        for (const { id } of all(topology)) {
          const behind = topology.downstream(id).map((one) => nameplate(topology, one).watts);
          const own = nameplate(topology, topology.element(id)).watts;
          const most = behind.reduce((a, b) => a + b, own);
          expect(flow.of(id).watts).toBeLessThanOrEqual(most + 1e-6);
        }
      }),
    );
  });

  test("is measured by series that are each taken once, none behind another", () => {
    fc.assert(
      fc.property(topologies, (topology) => {
        for (const { id } of all(topology)) {
          const { by, series } = measuredPower(topology, id);
          expect(new Set(by).size).toBe(by.length);
          expect(new Set(series.map(seriesName)).size).toBe(series.length);
          for (const one of by) {
            const below = topology.downstream(one).map((element) => element.id);
            expect(below.filter((other) => by.includes(other))).toEqual([]);
          }
        }
      }),
    );
  });

  test("is measured to the watt: meters that show the flow on paper add up to it", () => {
    fc.assert(
      fc.property(topologies, (topology) => {
        const flow = paperFlow(topology);
        // A rack's meter shows all that stands in it, whatever feeds it.
        const shown = (id: string): number => {
          const element = topology.element(id);
          if (element.kind !== "rack") return flow.of(id).watts;
          const inside = [element, ...topology.within(id)].filter((one) => flow.isLive(one.id));
          return inside.reduce((sum, one) => sum + nameplate(topology, one).watts, 0);
        };
        for (const { id, kind } of all(topology)) {
          const { basis, by, missing } = measuredPower(topology, id);
          if (basis === undefined || missing.length > 0 || kind === "site") continue;
          const sum = by.reduce((total, one) => total + shown(one), 0);
          expect(sum).toBeCloseTo(shown(id), 3);
        }
      }),
    );
  });

  test("has the same findings in any order of the file", () => {
    fc.assert(
      fc.property(randomOptions, ({ options, devices }) => {
        const site = { name: "site", devices };
        const turned = { name: "site", devices: devices.toReversed() };
        const found = paperFindings(topologyOf(options, site));
        expect(paperFindings(topologyOf(reordered(options), turned))).toEqual(found);
      }),
    );
  });
});
