/** Lines that a server may forget: remembered for a time, and no more than there is room for. */
import { expect, test } from "vitest";
import { Recent } from "../../store/lines/recent.ts";
import type { Line } from "../../telemetry/index.ts";

const some = (count: number): Line[] =>
  Array.from({ length: count }, (_, time) => ({ measurement: "m", tags: {}, fields: {}, time }));

test("remembers the young ones, in order", () => {
  const recent = new Recent(100);
  recent.add(some(1), 0);
  recent.add(some(2), 50);
  recent.add(some(3), 120);
  expect(recent.lines(120)).toHaveLength(5);
  expect(recent.lines(151)).toHaveLength(3);
  expect(recent.lines(1000)).toHaveLength(0);
});

test("remembers nothing for no time", () => {
  const recent = new Recent(0);
  recent.add(some(1), 0);
  expect(recent.lines(0)).toHaveLength(0);
});

test("has room for 50,000; the oldest go first", () => {
  const recent = new Recent(1000);
  for (let at = 0; at < 12; at += 1) recent.add(some(5000), at);
  expect(recent.lines(12)).toHaveLength(50_000);
});
