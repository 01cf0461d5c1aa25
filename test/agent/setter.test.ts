/** Requests to set something: only what is allowed, in time, once, and never without a record. */
import { describe, expect, test } from "vitest";
import { Setter } from "../../agent/setter.ts";
import type { SetReport } from "../../drivers/index.ts";
import type { SetRequest } from "../../telemetry/index.ts";
import { encodeSetRequest, GatewayError, sleep } from "../../telemetry/index.ts";
import { KeptLog, SeededEntropy, VirtualClock } from "../virtual.ts";

const address = { region: "local", org: "main", site: "street", class: "light", device: "lamp-7" };
const topic = "rackstreet/v1/local/main/street/light/lamp-7/set";
const dim = { name: "dim_pct", about: "Level.", range: [0, 100] } as const;

interface Behaviour {
  /** How long the device takes. @unit ms */
  readonly takes?: number;
  readonly report?: SetReport;
  readonly fails?: GatewayError;
  readonly recording?: GatewayError;
}

function rig({ takes = 0, report, fails, recording }: Behaviour = {}) {
  const clock = new VirtualClock();
  const log = new KeptLog();
  const happened: string[] = [];
  const answers: Record<string, unknown>[] = [];
  const setter = new Setter({
    devices: [
      {
        address,
        settings: [dim],
        actuator: {
          async set(setting, value, signal) {
            happened.push(`set ${setting} ${value}`);
            await sleep(clock, takes, signal);
            if (fails !== undefined) throw fails;
            return report ?? { outcome: "done", shown: value };
          },
        },
      },
    ],
    record: (_address, fields) => {
      if (recording !== undefined) return Promise.reject(recording);
      happened.push(`record ${String(fields["set_outcome"])} ${String(fields["set_by"])}`);
      return Promise.resolve();
    },
    send: ({ payload }) => void answers.push(JSON.parse(payload)),
    platform: { clock, entropy: new SeededEntropy(1), log },
  });
  const ask = (request: Partial<SetRequest> = {}, retained = false): boolean => {
    const now = clock.now();
    const usual = { id: "a1", setting: "dim_pct", value: 40, time: now, expires: now + 5000 };
    const payload = encodeSetRequest({ ...usual, by: "city", ...request });
    return setter.take(topic, Buffer.from(payload), retained);
  };
  const outcomes = (): unknown[] => answers.map(({ outcome, code }) => [outcome, code]);
  return { clock, log, setter, happened, answers, outcomes, ask };
}

test("is recorded, sent, recorded with its outcome, and answered", async () => {
  const { clock, happened, answers, ask } = rig();
  expect(ask()).toBe(true);
  await clock.advance(10);
  expect(happened).toEqual(["record accepted city a1", "set dim_pct 40", "record done city a1"]);
  expect(answers).toMatchObject([
    { v: 1, id: "a1", setting: "dim_pct", value: 40, outcome: "done", shown: 40, code: "none" },
  ]);
});

describe("is not carried out", () => {
  test.each([
    ["a setting that is not allowed", { setting: "power_state" }, "refused", "E_SET_REFUSED"],
    ["a value out of range", { value: 101 }, "refused", "E_SET_REFUSED"],
    ["far in the future", { expires: 9e15 }, "refused", "E_SET_REFUSED"],
    ["asked for before the agent began", { time: 1 }, "refused", "E_SET_REFUSED"],
    ["too late", { expires: 1 }, "expired", "E_SET_EXPIRED"],
  ])("%s", async (_name, request, outcome, code) => {
    const { clock, happened, outcomes, ask } = rig();
    ask(request);
    await clock.advance(10);
    expect(happened).toEqual([]);
    expect(outcomes()).toEqual([[outcome, code]]);
  });

  test("one that was retained, or is no request", async () => {
    const { clock, happened, answers, setter, log, ask } = rig();
    ask({}, true);
    for (const garbage of ["", "{}", "[1]", '{"v":1}', '{"v":1,"id":"a/b"}', "x".repeat(5000)]) {
      expect(setter.take(topic, Buffer.from(garbage), false)).toBe(true);
    }
    await clock.advance(10);
    expect([happened, answers]).toEqual([[], []]);
    expect(log.entries.every(({ fields }) => fields?.["code"] === "E_SET_REFUSED")).toBe(true);
    expect(log.entries).toHaveLength(7);
  });

  test("what cannot be recorded before", async () => {
    const recording = new GatewayError("E_SPOOL_WRITE", "disk full");
    const { clock, happened, outcomes, ask } = rig({ recording });
    ask();
    await clock.advance(10);
    expect(happened).toEqual([]);
    expect(outcomes()).toEqual([["failed", "E_SPOOL_WRITE"]]);
  });

  test("what waited until it expired", async () => {
    const { clock, happened, outcomes, ask } = rig({ takes: 3000 });
    ask({ id: "one" });
    ask({ id: "two", expires: clock.now() + 1000 });
    await clock.advance(4000);
    expect(happened.filter((one) => one.startsWith("set"))).toHaveLength(1);
    expect(outcomes()).toEqual([
      ["done", "none"],
      ["expired", "E_SET_EXPIRED"],
    ]);
  });
});

test("the same id is carried out once and answered again", async () => {
  const { clock, happened, answers, ask } = rig({ takes: 100 });
  ask();
  ask();
  await clock.advance(200);
  ask();
  await clock.advance(200);
  expect(happened.filter((one) => one.startsWith("set"))).toHaveLength(1);
  expect(answers).toHaveLength(2);
  expect(answers[1]).toEqual(answers[0]);
});

test("no answer of the device is unknown, and never tried again", async () => {
  const error = new GatewayError("E_MODBUS_TIMEOUT", "silent");
  const { clock, happened, outcomes, ask } = rig({ report: { outcome: "unknown", error } });
  ask();
  await clock.advance(120_000);
  expect(happened.at(-1)).toBe("record unknown city a1");
  expect(happened.filter((one) => one.startsWith("set"))).toHaveLength(1);
  expect(outcomes()).toEqual([["unknown", "E_MODBUS_TIMEOUT"]]);
});

test("one at a time on a device, and no more than a few may wait", async () => {
  const { clock, happened, outcomes, ask } = rig({ takes: 100 });
  for (let n = 0; n < 12; n += 1) ask({ id: `r${n}`, value: n });
  await clock.advance(3000);
  const values = happened.filter((one) => one.startsWith("set"));
  expect(values).toEqual(Array.from({ length: 8 }, (_, n) => `set dim_pct ${n}`));
  expect(outcomes().filter((one) => String(one) === "refused,E_SET_REFUSED")).toHaveLength(4);
});

test("closing waits for what is under way and begins nothing more", async () => {
  const { clock, setter, happened, ask } = rig({ takes: 100 });
  ask({ id: "one" });
  ask({ id: "two" });
  await clock.advance(10);
  const closing = setter.close();
  await clock.advance(1000);
  await closing;
  expect(happened.filter((one) => one.startsWith("set"))).toHaveLength(1);
});
