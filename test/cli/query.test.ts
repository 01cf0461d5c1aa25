/** Moments, coverage and the forms of an answer of `rackstreet query`. */
import { describe, expect, test } from "vitest";
import type { CoveredSeries, Member } from "../../cli/coverage.ts";
import { covered, leaveOut } from "../../cli/coverage.ts";
import type { Provenance } from "../../cli/provenance.ts";
import { paceOf } from "../../cli/provenance.ts";
import { answerOf, momentArgument } from "../../cli/query-ask.ts";
import { arranged, csvOf, linesOf, tableOf } from "../../cli/query-show.ts";
import type { Query, QueryRow } from "../../store/index.ts";
import { GatewayError } from "../../telemetry/index.ts";

const now = Date.UTC(2026, 10, 24, 10);

describe("a moment", () => {
  test.each([
    ["5m", now - 300_000],
    ["0s", now],
    ["2026-11-24", Date.UTC(2026, 10, 24)],
    ["2026-11-24T08:00", Date.UTC(2026, 10, 24, 8)],
    ["2026-11-24 08:00:30", Date.UTC(2026, 10, 24, 8, 0, 30)],
    ["2026-11-24T08:00:00.250Z", Date.UTC(2026, 10, 24, 8, 0, 0, 250)],
    ["2026-11-24T08:00:00+08:00", Date.UTC(2026, 10, 24)],
  ])("%s is taken", (text, time) => {
    expect(momentArgument("since", text, now)).toBe(time);
  });

  test.each(["", "5", "yesterday", "2026-02-30", "2026-13-01", "2026-11-24T25:00", "24.11.2026"])(
    "%j is refused with what to write",
    (text) => {
      expect(() => momentArgument("until", text, now)).toThrow(
        expect.objectContaining({
          code: "E_USAGE",
          message: expect.stringContaining(`--until: "${text}" is neither a duration`),
        }),
      );
    },
  );
});

const minute = 60_000;
const query: Query = {
  measurement: "meter_phase",
  fields: ["voltage_v", "import_wh_total"],
  aggregate: "mean",
  from: 0,
  to: 2 * minute,
  every: minute,
  groupBy: ["device", "phase"],
};

/** Read every 5 s; energy at most once a minute. */
function known(device: string): readonly [string, Provenance] {
  const address = { region: "r", org: "o", site: "s", class: "power", device };
  const slow = { measurement: "meter_phase", channel: "L1", field: "import_wh_total" };
  return [
    `r/o/s/${device}`,
    {
      told: "meta",
      address,
      agent: "agent",
      driver: "modbus",
      profile: undefined,
      vendor: undefined,
      model: undefined,
      documents: [],
      caveats: [],
      endpoint: {},
      interval: 5000,
      sources: [
        { ...slow, at: "input 0x0000 ×2", every: minute, line: undefined },
        { ...slow, field: "voltage_v", at: "input 0x0002 ×2", line: undefined },
      ],
    },
  ];
}

function member(device: string, fields: readonly string[] = query.fields): Member {
  return {
    tags: { region: "r", org: "o", site: "s", device, phase: "L1" },
    fields: new Set(fields),
  };
}

function row(time: number, voltage: number, energy?: number): QueryRow {
  return {
    time,
    values: { voltage_v: 230, ...(energy === undefined ? {} : { import_wh_total: 7 }) },
    counts: { voltage_v: voltage, ...(energy === undefined ? {} : { import_wh_total: energy }) },
  };
}

const of = (tags: Record<string, string>, ...rows: QueryRow[]) => [{ tags, rows }];
const a = { device: "a", phase: "L1" };

describe("coverage", () => {
  const one = { members: [member("a")], known: new Map([known("a")]) };

  test("is told for each field by its own pace", () => {
    const [series] = covered(query, of(a, row(0, 12, 1)), one);
    expect(series?.rows[0]?.expected).toEqual({ voltage_v: 12, import_wh_total: 1 });
  });

  test("of a window cut short expects less, and never less than one row", () => {
    const cut = { ...query, from: 30_000, to: minute + 2000 };
    const [series] = covered(cut, of(a, row(0, 6), row(minute, 1)), one);
    expect(series?.rows.map(({ expected }) => expected?.["voltage_v"])).toEqual([6, 1]);
  });

  test("without windows is of the whole span", () => {
    const [series] = covered({ ...query, every: undefined }, of(a, row(77, 24)), one);
    expect(series?.rows[0]?.expected).toEqual({ voltage_v: 24 });
  });

  test("of a group is the sum of those that give the field", () => {
    const members = [member("a"), member("b"), member("c", ["import_wh_total"])];
    const all = { members, known: new Map([known("a"), known("b"), known("c")]) };
    const [series] = covered(
      { ...query, groupBy: ["phase"] },
      of({ phase: "L1" }, row(0, 20)),
      all,
    );
    expect(series?.rows[0]?.expected).toEqual({ voltage_v: 24 });
  });

  test("of a group with a stranger is not known", () => {
    const members = [member("a"), member("stranger")];
    const some = { members, known: new Map([known("a")]) };
    const [series] = covered(
      { ...query, groupBy: ["phase"] },
      of({ phase: "L1" }, row(0, 20)),
      some,
    );
    expect(series?.rows[0]).not.toHaveProperty("expected");
  });

  test("of a roll-up goes by its window, and of events is not known", () => {
    const place = { channel: "L1", field: "voltage_v" };
    const [, device] = known("a");
    const paces = ["meter_phase", "meter_phase_5m", "device_event", "thermal"].map((measurement) =>
      paceOf(device, { measurement, ...place }),
    );
    expect(paces).toEqual([5000, 5 * minute, undefined, undefined]);
  });

  test("below a share leaves values out, and rows that are left with none", () => {
    const rows = [row(0, 12, 1), row(minute, 3, 1)];
    const { series, left, unknown } = leaveOut(covered(query, of(a, ...rows), one), 0.8);
    expect([left, unknown]).toEqual([1, false]);
    expect(series[0]?.rows.map(({ values }) => Object.keys(values))).toEqual([
      ["voltage_v", "import_wh_total"],
      ["import_wh_total"],
    ]);
    expect(leaveOut(covered(query, of(a, row(0, 3)), one), 0.8).series).toEqual([]);
  });
});

const series: readonly CoveredSeries[] = [
  {
    tags: a,
    rows: [
      { ...row(0, 12), expected: { voltage_v: 12 } },
      { ...row(minute, 6), expected: { voltage_v: 12 } },
    ],
  },
];

describe("an answer", () => {
  test("that is too long says how many windows were asked for", async () => {
    const refused = new GatewayError("E_QUERY", "the answer has more than 100000 rows");
    const store = { query: () => Promise.reject(refused) };
    const long = { ...query, to: 200_000_000, every: 1000 };
    const signal = new AbortController().signal;
    await expect(answerOf(store, long, signal)).rejects.toThrow(
      "more than 100000 rows: --every 1 s over 2 d is up to 200000 windows a series",
    );
    await expect(answerOf(store, query, signal)).rejects.toThrow(/rows$/);
  });

  test("as a table has one column of rows where all fields stand on the same", () => {
    const lines = tableOf({ query, series }, now)
      ?.split("\n")
      .map((line) => line.trim());
    expect(lines?.[0]).toMatch(/^time +device +phase +voltage_v +rows$/);
    expect(lines?.[2]).toMatch(/^1970-01-01T00:01:00.000Z +a +L1 +230 V +6 of 12$/);
  });

  test("as a table has a column of rows for each field where they differ", () => {
    const table = tableOf({ query, series: of(a, row(0, 12, 1)) }, now);
    expect(table).toMatch(/voltage_v +rows +import_wh_total +rows/);
    expect(table).toMatch(/230 V +12 +7 Wh +1/);
  });

  test("as CSV has what there is and what there should be", () => {
    const [head, first] = csvOf({ query, series }).split("\n");
    expect(head).toBe(
      "time,device,phase,voltage_v,import_wh_total,voltage_v_rows,import_wh_total_rows," +
        "voltage_v_expected,import_wh_total_expected",
    );
    expect(first).toBe("1970-01-01T00:00:00.000Z,a,L1,230,,12,0,12,");
  });

  test("as line protocol is the field's own values, and nothing else", () => {
    const last = { ...query, aggregate: "last" as const };
    expect(linesOf({ query: last, series: of(a, row(5, 1, 1)) })).toBe(
      "meter_phase,device=a,phase=L1 voltage_v=230,import_wh_total=7i 5",
    );
    expect(() => linesOf({ query, series })).toThrow(
      expect.objectContaining({ message: expect.stringContaining("use first, last, min, max") }),
    );
  });

  test("newest first and only so many rows of each series", () => {
    const [one] = arranged(series, { order: "desc", limit: 1 });
    expect(one?.rows.map(({ time }) => time)).toEqual([minute]);
    expect(arranged(series, { order: "asc", limit: undefined })).toEqual(series);
  });
});
