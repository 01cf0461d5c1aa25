/** One dead thing is one alert: lines and agents that fall silent, under virtual time. */
import { describe, expect, it } from "vitest";
import type { ExpectedDevice } from "../../../alerts/index.ts";
import { deviceNamed } from "../rig.ts";
import { LifeRig } from "./rig.ts";

const silent =
  "meter-silent:\n  about: silent\n  measurement: thermal\n  absent: 60s\n  keep: 10s\n";
const minute = 60_000;

const names = Array.from({ length: 40 }, (_, index) => `m${index}`);

function meters(line: string | undefined, devices = names): readonly ExpectedDevice[] {
  return devices.map((device) => ({
    address: deviceNamed(device),
    place: {},
    measurements: ["thermal"],
    agent: "edge",
    line,
  }));
}

/** All devices speak, one after another, all 20 s, for some time. */
async function speak(rig: LifeRig, { devices = names, ms }: { devices?: string[]; ms: number }) {
  const rounds = ms / 20_000;
  for (let round = 0; round < rounds; round += 1) {
    for (const device of devices) {
      rig.temperature(20, device);
      await rig.clock.advance(20_000 / devices.length);
    }
  }
}

async function site(line: string | undefined = "rs485-a"): Promise<LifeRig> {
  const rig = new LifeRig(silent);
  rig.expected = meters(line);
  rig.gone = () => false;
  await rig.open();
  await speak(rig, { ms: 5 * minute });
  expect(rig.said()).toEqual([]);
  return rig;
}

describe("a dead line", () => {
  it("is one alert with its meters listed, and nobody hears of each of them", async () => {
    const rig = await site();
    await rig.clock.advance(10 * minute);
    expect(rig.said()).toEqual(["common-cause edge firing"]);
    expect(rig.shown("edge", "agent")).toMatchObject({
      rule: "common-cause",
      severity: "warning",
      about: "All of rs485-a is silent",
      value: 40,
      channel: { line: "rs485-a" },
      consequences: { count: 40 },
    });
    const cause = { rule: "common-cause", class: "agent", device: "edge" };
    expect(rig.shown("m7")).toMatchObject({ state: "firing", cause });
    await rig.close();
  });

  it("that works again ends it, and its meters are never told", async () => {
    const rig = await site();
    await rig.clock.advance(10 * minute);
    await speak(rig, { ms: 5 * minute });
    expect(rig.said()).toEqual(["common-cause edge firing", "common-cause edge resolved"]);
    expect(rig.alerts.firing().alerts).toEqual([]);
    await rig.close();
  });

  it("leaves those to be told that stay silent after it", async () => {
    const rig = await site();
    await rig.clock.advance(10 * minute);
    await speak(rig, { devices: names.slice(1), ms: 5 * minute });
    expect(rig.said()).toEqual([
      "common-cause edge firing",
      "common-cause edge resolved",
      "meter-silent m0 firing",
    ]);
    await rig.close();
  });

  it.each([0, 5 * minute])("stays one alert over a restart of %i ms", async (apart) => {
    const rig = await site();
    await rig.clock.advance(10 * minute);
    await rig.restart(apart);
    // What was heard before is not heard again: the devices are unknown until their agent is back.
    await rig.clock.advance(10 * minute);
    expect(rig.said()).toEqual(["common-cause edge firing"]);
    await speak(rig, { ms: 5 * minute });
    expect(rig.said()).toEqual(["common-cause edge resolved"]);
    await rig.close();
  });

  it("stays one alert over a restart after which no device is known", async () => {
    const rig = await site();
    await rig.clock.advance(10 * minute);
    rig.expected = [];
    rig.gone = () => undefined;
    await rig.restart();
    await rig.clock.advance(10 * minute);
    expect(rig.said()).toEqual(["common-cause edge firing"]);
    expect(rig.shown("edge", "agent")).toMatchObject({ consequences: { count: 40 } });
    await rig.close();
  });

  it("is one alert too when the hub was started anew before it was told", async () => {
    const rig = await site();
    await rig.clock.advance(minute + 5000);
    await rig.restart();
    await rig.clock.advance(10 * minute);
    expect(rig.said()).toEqual(["common-cause edge firing"]);
    await rig.close();
  });
});

describe("one silent device", () => {
  it("of a line that lives is told by itself, after a moment", async () => {
    const rig = await site();
    await speak(rig, { devices: names.slice(1), ms: 5 * minute });
    expect(rig.said()).toEqual(["meter-silent m0 firing"]);
    await rig.close();
  });

  it("alone on its line is told at once", async () => {
    const rig = new LifeRig(silent);
    rig.expected = meters("tcp://10.0.0.7", ["m0"]);
    await rig.open();
    await rig.clock.advance(minute + 2000);
    expect(rig.said()).toEqual(["meter-silent m0 firing"]);
    await rig.close();
  });
});

describe("an agent that has gone", () => {
  it("is one alert, whatever its lines", async () => {
    const rig = await site();
    const half = names.length / 2;
    rig.expected = [...meters("a", names.slice(0, half)), ...meters("b", names.slice(half))];
    rig.alerts.expect(rig.expected);
    rig.gone = ({ device }) => device === "edge";
    await rig.clock.advance(10 * minute);
    expect(rig.said()).toEqual(["common-cause edge firing"]);
    expect(rig.shown("edge", "agent")).toMatchObject({
      about: "Agent edge is gone",
      value: 40,
      channel: {},
      consequences: { count: 40 },
    });
    rig.gone = () => false;
    await speak(rig, { ms: 3 * minute });
    expect(rig.said()).toEqual(["common-cause edge resolved"]);
    await rig.close();
  });

  it("is the cause by a rule of its own, when that says so first", async () => {
    const own = "agent-silent:\n  about: gone\n  severity: critical\n  measurement: agent_health\n";
    const rig = new LifeRig(`${silent}${own}  absent: 30s\n`);
    const agent = { address: deviceNamed("edge", "agent"), place: {}, agent: "edge" };
    rig.expected = [...meters("rs485-a"), { ...agent, measurements: ["agent_health"] }];
    await rig.open();
    await rig.clock.advance(10 * minute);
    expect(rig.said()).toEqual(["agent-silent edge firing"]);
    expect(rig.shown("edge", "agent")).toMatchObject({ consequences: { count: 40 } });
    await rig.close();
  });

  it("does not hide from a notifier what it does not hear the cause of", async () => {
    for (const [notify, said] of [
      [", rules: [meter-silent]", 40],
      [", rules: [common-cause]", 1],
      [", severity: critical", 0],
    ] as const) {
      const rig = new LifeRig(silent, notify);
      rig.expected = meters("rs485-a");
      await rig.open();
      await rig.clock.advance(10 * minute);
      expect(rig.said(), notify).toHaveLength(said);
      await rig.close();
    }
  });
});
