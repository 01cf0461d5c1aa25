/**
 * The writing half of the exam for every dialect, against a small server that keeps types and
 * merges rows: what is taken, what is refused and why, repetition, size, and how often a line is
 * sent.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { v } from "../../config/index.ts";
import type { Store } from "../../store/index.ts";
import { openStore, storeOptions } from "../../store/index.ts";
import type { Line } from "../../telemetry/index.ts";
import type { FakeKind, FakeLines } from "./fake_lines.ts";
import { fakeKinds, fakeLines } from "./fake_lines.ts";
import { realPlatform } from "./rig.ts";

const signal = new AbortController().signal;

const engines: Readonly<Record<FakeKind, object>> = {
  v1: { engine: "influxdb1" },
  v2: { engine: "influxdb2", org: "power" },
  v3: { engine: "influxdb3" },
  questdb: { engine: "lines" },
  victoria: { engine: "lines" },
};

interface Rig extends AsyncDisposable {
  readonly fake: FakeLines;
  readonly store: Store;
}

async function rig(kind: FakeKind, largest?: number): Promise<Rig> {
  const fake = await fakeLines(kind, largest);
  const options = v.parse(storeOptions, { ...engines[kind], url: fake.url });
  const store = await openStore(options, realPlatform());
  return {
    fake,
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

function line(time: number, fields: Line["fields"], device = "d1"): Line {
  return { measurement: "rack_power", tags: { device }, fields, time };
}

/** The rows that a server must hold when it took these lines in this order. */
function rowsOf(lines: readonly Line[]): Map<string, Map<string, string>> {
  const rows = new Map<string, Map<string, string>>();
  for (const { measurement, tags, fields, time } of lines) {
    const key = `${measurement},device=${tags["device"]} ${time}`;
    const shown = Object.entries(fields).map(([name, value]): [string, string] => [
      name,
      typeof value === "string" ? `"${value}"` : String(value),
    ]);
    rows.set(key, new Map([...(rows.get(key) ?? []), ...shown]));
  }
  return rows;
}

/** Which lines give `x_mode` another type than the first that has it. */
function conflicting(lines: readonly Line[]): number[] {
  const types = lines.map(({ fields }) => typeof fields["x_mode"]);
  const first = types.find((type) => type !== "undefined");
  return types.flatMap((type, at) => (type === "undefined" || type === first ? [] : [at]));
}

const randomLines = fc.array(
  fc
    .record({
      time: fc.integer({ min: 1, max: 40 }),
      device: fc.constantFrom("d1", "d2"),
      x_mode: fc.oneof(
        { weight: 5, arbitrary: fc.constant(undefined) },
        fc.constant(1),
        fc.constant("auto"),
      ),
      watts: fc.integer({ min: 0, max: 9 }),
    })
    .map(({ time, device, x_mode, watts }) =>
      line(time, { active_power_w: watts, ...(x_mode === undefined ? {} : { x_mode }) }, device),
    ),
  { maxLength: 60 },
);

describe.each(fakeKinds)("%s", (kind) => {
  test("what is written rests there, and again changes nothing", async () => {
    await using own = await rig(kind);
    const lines = [line(1, { active_power_w: 1 }), line(1, { voltage_v: 230 }), line(2, { q: 0 })];
    const integer =
      rowsOf([line(2, { q: 0 })])
        .keys()
        .next().value ?? "";
    for (let i = 0; i < 2; i += 1) {
      expect(await own.store.write(lines, signal)).toEqual({ accepted: 3, rejected: [] });
      expect(own.fake.rows.get(integer)?.get("q")).toBe("0i");
      expect(own.fake.rows.size).toBe(2);
    }
  });

  test("random lines: those of another type are refused, all others rest there", async () => {
    const property = fc.asyncProperty(randomLines, async (lines) => {
      await using own = await rig(kind);
      const refused = conflicting(lines);
      for (let i = 0; i < 2; i += 1) {
        const { accepted, rejected } = await own.store.write(lines, signal);
        expect(rejected.map(({ index }) => index)).toEqual(refused);
        expect(accepted).toBe(lines.length - refused.length);
        const taken = lines.filter((_, at) => !refused.includes(at));
        expect(own.fake.rows).toEqual(rowsOf(taken));
      }
    });
    await fc.assert(property, { numRuns: 25 });
  });

  test("lines that it cannot read are refused alone", async () => {
    await using own = await rig(kind);
    const lines = Array.from({ length: 200 }, (_, at) =>
      line(at + 1, [7, 8, 150].includes(at) ? { x_malformed: 1 } : { active_power_w: at }),
    );
    const { accepted, rejected } = await own.store.write(lines, signal);
    expect([accepted, rejected.map(({ index }) => index)]).toEqual([197, [7, 8, 150]]);
    expect(own.fake.rows.size).toBe(197);
    expect(own.fake.requests.length).toBeLessThan(45);
  });

  test("a body that is too large is halved", async () => {
    await using own = await rig(kind, 3000);
    const lines = Array.from({ length: 500 }, (_, at) => line(at + 1, { active_power_w: at }));
    expect((await own.store.write(lines, signal)).accepted).toBe(500);
    expect(own.fake.rows.size).toBe(500);
  });
});

test("InfluxDB 3 names its lines: below a hundred nothing is sent twice", async () => {
  await using own = await rig("v3");
  const lines = Array.from({ length: 1000 }, (_, at) =>
    line(at + 1, at % 20 === 3 ? { x_malformed: 1 } : { active_power_w: at }),
  );
  expect((await own.store.write(lines, signal)).rejected).toHaveLength(50);
  expect(own.fake.requests).toHaveLength(1);
});

test("InfluxDB 3 names no more than a hundred: what it did not name is sent again", async () => {
  await using own = await rig("v3");
  const lines = Array.from({ length: 1000 }, (_, at) =>
    line(at + 1, at % 2 === 0 ? { x_malformed: 1 } : { active_power_w: at }),
  );
  expect((await own.store.write(lines, signal)).rejected).toHaveLength(500);
  expect(own.fake.rows.size).toBe(500);
  expect(own.fake.requests.length).toBeLessThan(20);
});

test("roll-ups go where they are kept longer", async () => {
  for (const [kind, more, place] of [
    ["v1", { rollupPolicy: "long" }, "rp=long"],
    ["v2", { rollupBucket: "long" }, "bucket=long"],
    ["v3", { rollupDatabase: "long" }, "db=long"],
    ["victoria", { rollupDatabase: "long" }, "db=long"],
  ] as const) {
    await using fake = await fakeLines(kind);
    const options = v.parse(storeOptions, { ...engines[kind], url: fake.url, ...more });
    await using store = await openStore(options, realPlatform());
    const rollup: Line = { ...line(3, { mean_peak_w: 1 }), measurement: "rack_power_5m" };
    const bad: Line = { ...rollup, fields: {} };
    const { accepted, rejected } = await store.write([line(1, { q: 0 }), rollup, bad], signal);
    expect([accepted, rejected.map(({ index }) => index)]).toEqual([2, [2]]);
    const sent = fake.requests.map(({ path, body }) => [path.includes(place), body.split(",")[0]]);
    expect(sent).toEqual([
      [false, "rack_power"],
      [true, "rack_power_5m"],
    ]);
  }
});
