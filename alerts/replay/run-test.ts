/**
 * Runs one rule test: its series through the engine, and what came out beside what was expected.
 * Rows of a time come in before that time goes on, series in the order of the file.
 */
import type { DeviceAddress, Log, Place, Tags } from "../../telemetry/index.ts";
import { linesOf } from "../../telemetry/index.ts";
import type { AlertState } from "../evaluate.ts";
import type { ActiveAlert, ExpectedDevice } from "../engine.ts";
import type { Transition } from "../transition.ts";
import { Replay } from "./replay.ts";
import { TestRows } from "./rows.ts";
import type { ExpectedState, RuleTest, RuleTests, TestSeries } from "./test-options.ts";
import { lengthOf } from "./test-options.ts";

/** A line of the comparison. */
export interface Compared {
  /** `good` was expected and came, `missing` did not come, `surplus` was not expected. */
  readonly verdict: "good" | "missing" | "surplus";
  /** Since the start of the test. @unit ms */
  readonly at: number;
  readonly rule: string;
  readonly state: AlertState;
  readonly tags: Tags;
  readonly value?: number | undefined;
  /** For an expected state: what was there instead. */
  readonly found?: AlertState;
}

export interface TestOutcome {
  readonly name: string;
  readonly passed: boolean;
  /** What came and what was expected, in order of time. */
  readonly compared: readonly Compared[];
  /** Values that the engine did not judge. */
  readonly ignored: number;
}

/** The beginning of each test: a Thursday at midnight. @unit ms since 1970-01-01 UTC */
const start = Date.UTC(2026, 0, 1);
const site = { region: "local", org: "main", site: "test" } as const;
const hub: DeviceAddress = { ...site, class: "hub", device: "hub" };

/** Runs a test of a file. */
export async function runRuleTest(file: RuleTests, name: string, log: Log): Promise<TestOutcome> {
  const test = file.tests[name];
  if (test === undefined) return { name, passed: false, compared: [], ignored: 0 };
  const told: Transition[] = [];
  const rows = new TestRows();
  await using replay = new Replay({
    rules: file.rules,
    expected: expectedOf(test),
    hub,
    store: rows,
    start,
    log,
    told: (transition) => void told.push(transition),
  });
  const states: Compared[] = [];
  for (const moment of momentsOf(test)) {
    await replay.advanceTo(start + moment);
    send(test, { moment, rows, replay });
    for (const expected of test.expect ?? []) {
      if (expected.at === moment) states.push(stateSeen(expected, replay.status.alerts));
    }
  }
  const transitions = test.transitions === undefined ? [] : comparedTransitions(test, told);
  const compared = [...transitions, ...states].toSorted((a, b) => a.at - b.at);
  const passed = compared.every(({ verdict }) => verdict === "good");
  return { name, passed, compared, ignored: replay.status.ignored };
}

/** Times at which something comes in or is looked at, and the end. */
function momentsOf(test: RuleTest): number[] {
  const end = lengthOf(test);
  const count = test.series.reduce((most, { values }) => Math.max(most, values.length), 0);
  const moments = new Set(Array.from({ length: count }, (_, i) => i * test.interval));
  for (const { at } of test.expect ?? []) moments.add(at);
  return [...moments, end].filter((at) => at <= end).toSorted((a, b) => a - b);
}

interface Sending {
  readonly moment: number;
  readonly rows: TestRows;
  readonly replay: Replay;
}

/** The rows of a moment; series of one device, measurement and channel are fields of one row. */
function send({ series, interval }: RuleTest, { moment, rows, replay }: Sending): void {
  if (moment % interval !== 0) return;
  const parts = series.flatMap((one) => {
    const sample = one.values[moment / interval];
    return sample === undefined ? [] : [{ ...one, sample }];
  });
  const together = Map.groupBy(parts, ({ device, measurement, tags }) =>
    JSON.stringify([device, measurement, tags]),
  );
  for (const same of together.values()) {
    const [first] = same;
    if (first === undefined) continue;
    const { measurement, tags } = first;
    const numbers = same.map(({ field, sample }) => [field, sample.value] as const);
    const q = Math.max(...same.map(({ sample }) => sample.q));
    const point = { measurement, tags, fields: { ...Object.fromEntries(numbers), q } };
    const batch = { ...originOf(first), time: start + moment, points: [point] };
    for (const line of linesOf({ ...batch, kind: "telemetry", faults: [] })) rows.add(line);
    replay.observe(batch);
  }
}

type Named = Pick<TestSeries, "device" | "class" | "zone" | "rack">;

function originOf({ device, class: deviceClass, zone, rack }: Named): {
  readonly address: DeviceAddress;
  readonly place: Place;
} {
  const place = {
    ...(zone === undefined ? {} : { zone }),
    ...(rack === undefined ? {} : { rack }),
  };
  return { address: { ...site, class: deviceClass ?? "", device }, place };
}

/** The devices that a test names, and those that its series come from. */
function expectedOf({ devices, series }: RuleTest): readonly ExpectedDevice[] {
  const sending = series.map((one) => ({ ...one, measurements: [one.measurement] }));
  const byDevice = Map.groupBy([...devices, ...sending], ({ device }) => device);
  return [...byDevice.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const measurements = [...new Set(same.flatMap((one) => one.measurements))];
    return [{ ...originOf(first), measurements }];
  });
}

function stateSeen(expected: ExpectedState, alerts: readonly ActiveAlert[]): Compared {
  const { at, rule, state, tags } = expected;
  const mine = alerts.filter(
    (alert) => alert.rule === rule && covers({ ...alert.address, ...alert.channel }, tags),
  );
  const states = mine.length === 0 ? ["inactive" as const] : mine.map((alert) => alert.state);
  const good = states.includes(state);
  const found = states[0] ?? "inactive";
  return { verdict: good ? "good" : "missing", at, rule, state, tags, found };
}

/** Expected transitions beside those that came: each stands for one at most. */
function comparedTransitions(test: RuleTest, told: readonly Transition[]): Compared[] {
  const wanted = test.transitions ?? [];
  const early = wanted.some(({ state }) => state === "pending" || state === "inactive");
  const left = told.filter(({ to }) => early || (to !== "pending" && to !== "inactive"));
  const compared: Compared[] = [];
  for (const { at, rule, state, tags } of wanted) {
    const index = left.findIndex(
      (one) =>
        one.time - start === at && one.rule === rule && one.to === state && covers(one.tags, tags),
    );
    const [found] = index < 0 ? [] : left.splice(index, 1);
    if (found === undefined) compared.push({ verdict: "missing", at, rule, state, tags });
    else compared.push(comparedOf("good", found));
  }
  return [...compared, ...left.map((one) => comparedOf("surplus", one))];
}

function comparedOf(verdict: Compared["verdict"], transition: Transition): Compared {
  const { time, rule, to, tags, value } = transition;
  return { verdict, at: time - start, rule, state: to, tags, value };
}

function covers(tags: Readonly<Record<string, string>>, wanted: Tags): boolean {
  return Object.entries(wanted).every(([name, value]) => tags[name] === value);
}
