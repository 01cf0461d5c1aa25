/**
 * The listener exam, and what only a real broker shows: Eclipse Mosquitto and its mosquitto_pub,
 * which nobody here wrote, carry what devices publish.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it, vi } from "vitest";
import type { Heard } from "../../../drivers/contract.ts";
import { FaultNews } from "../../../drivers/mqtt/faults.ts";
import { mqtt } from "../../../drivers/mqtt/index.ts";
import { payloadLimit } from "../../../drivers/mqtt/said.ts";
import { topicForm } from "../../../drivers/mqtt/topic.ts";
import { listenerExam } from "../../contract/listener.ts";
import { needs } from "../../peers.ts";
import { startMosquitto } from "../../peers/mosquittod.ts";
import { freePort } from "../../ports.ts";
import { codeOf } from "../modbus/world.ts";
import { contextOf } from "../speaker.ts";

const present = needs("mosquitto", "mosquitto") && needs("mosquitto_pub", "mosquitto-clients");

async function publish(url: string, topic: string, payload: string, retain = false) {
  const at = ["-h", "127.0.0.1", "-p", new URL(url).port, "-t", topic, "-s"];
  const child = spawn("mosquitto_pub", retain ? [...at, "-r"] : at, {
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.stdin.end(payload);
  await once(child, "exit");
}

const rows = [
  {
    measurement: "pdu_outlet",
    tags: { outlet: "{plug}" },
    from: "sensor",
    fields: { active_power_w: "$.w" },
  },
  {
    measurement: "environment",
    tags: { sensor: "air" },
    fields: { temp_c: { path: "$", from: "temp" }, rh_pct: { path: "$", from: "humidity" } },
  },
];

const options = (server: string, more: object = {}) => ({
  server,
  topics: {
    sensor: "tele/{plug}/SENSOR",
    temp: { topic: "esp/temp/state", format: "value" },
    humidity: { topic: "esp/humidity/state", format: "value" },
  },
  presence: { topic: "esp/status" },
  gather: "300ms",
  rows,
  ...more,
});

describe.skipIf(!present)("with mosquitto", { timeout: 60_000 }, () => {
  listenerExam({
    name: "mqtt",
    kind: mqtt,
    async start() {
      const broker = await startMosquitto();
      let count = 0;
      return {
        context: contextOf(),
        target: { id: "plugs", options: options(broker.url), profile: undefined },
        nowhere: {
          id: "plugs",
          options: options(`mqtt://127.0.0.1:${await freePort()}`),
          profile: undefined,
        },
        speak: () => publish(broker.url, "tele/kitchen/SENSOR", `{"w": ${(count += 1)}}`),
        cut: () => broker.kill9(),
        mend: () => broker.restart(),
        [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
      };
    },
  });

  /** Listens, and waits until it is heard. */
  async function sit(more: object = {}, before: readonly [string, string][] = []) {
    const broker = await startMosquitto();
    for (const [topic, payload] of before) await publish(broker.url, topic, payload, true);
    const driver = mqtt.create(contextOf());
    const target = { id: "plugs", options: options(broker.url, more), profile: undefined };
    const session = await driver.open(target);
    const heard: Heard[] = [];
    const abort = new AbortController();
    const listening = session.listen?.((one) => heard.push(one), abort.signal) ?? Promise.resolve();
    listening.catch(() => undefined);
    let probes = 0;
    const powers = (): unknown[] =>
      heard.map(({ reading }) => reading.points[0]?.fields["active_power_w"]);
    await vi.waitFor(async () => {
      probes += 1;
      await publish(broker.url, "tele/probe/SENSOR", `{"w": ${probes}}`);
      expect(heard.length).toBeGreaterThan(0);
    }, 20_000);
    // The last of them too: it must not stand beside what the test says.
    await vi.waitFor(() => expect(powers()).toContain(probes), 20_000);
    const first = [...heard];
    heard.length = 0;
    return {
      first,
      heard,
      listening,
      say: (topic: string, payload: string) => publish(broker.url, topic, payload),
      async [Symbol.asyncDispose]() {
        abort.abort();
        await listening.catch(() => undefined);
        await session[Symbol.asyncDispose]();
        await driver[Symbol.asyncDispose]();
        await broker[Symbol.asyncDispose]();
      },
    };
  }

  it("a level tells the channel, and what was retained is old", async () => {
    await using seat = await sit({}, [["tele/old/SENSOR", '{"w": 99}']]);
    const channels = seat.first.map(({ reading }) => reading.points[0]?.tags?.["outlet"]);
    expect(new Set(channels)).toEqual(new Set(["probe"]));
    await seat.say("tele/cellar/SENSOR", '{"w": 3}');
    await vi.waitFor(() => expect(seat.heard).toHaveLength(1), 20_000);
    expect(seat.heard[0]?.reading.points).toEqual([
      {
        measurement: "pdu_outlet",
        tags: { outlet: "cellar" },
        fields: { active_power_w: 3, q: 0 },
      },
    ]);
  });

  it("topics gather into a row; what does not come in time is left out", async () => {
    await using seat = await sit({ gather: "5s" });
    await seat.say("esp/temp/state", "21.5");
    await seat.say("esp/humidity/state", " 40 ");
    await vi.waitFor(() => expect(seat.heard).toHaveLength(1), 20_000);
    expect(seat.heard[0]?.reading.points[0]?.fields).toEqual({ temp_c: 21.5, rh_pct: 40, q: 0 });
    await seat.say("esp/temp/state", "22");
    await vi.waitFor(() => expect(seat.heard).toHaveLength(2), 20_000);
    expect(seat.heard[1]?.reading.points[0]?.fields).toEqual({ temp_c: 22, q: 0 });
  });

  it("a fault is told when it begins, not with each message", async () => {
    await using seat = await sit();
    await seat.say("tele/a/SENSOR", "{ no JSON");
    await seat.say("tele/a/SENSOR", '{"x": 1}');
    await seat.say("tele/a/SENSOR", '{"x": 2}');
    await seat.say("tele/b/SENSOR", "x".repeat(payloadLimit + 1));
    await seat.say("tele/c/SENSOR", '{"w": 5}');
    await vi.waitFor(() => expect(seat.heard).toHaveLength(1), 20_000);
    expect(seat.heard[0]?.reading.faults).toEqual([
      { code: "E_DEVICE_FRAME", at: "tele/a/SENSOR" },
      { code: "E_VALUE", at: "sensor $.w (nothing there)" },
      { code: "E_DEVICE_FRAME", at: "tele/b/SENSOR" },
    ]);
  });

  it("a last will ends the listening", async () => {
    await using seat = await sit();
    await seat.say("esp/status", "online");
    await seat.say("esp/status", "offline");
    expect(await codeOf(seat.listening)).toBe("E_SILENT");
  });
});

describe("mqtt", () => {
  it("topics are filters with names for levels [MQTT-3.1.1 4.7]", () => {
    const form = topicForm("zigbee2mqtt/{device}/{part}", { device: "hall/lamp" });
    expect(form.filter).toBe("zigbee2mqtt/hall/lamp/+");
    expect(form.match(["zigbee2mqtt", "hall", "lamp", "left"])).toEqual({ part: "left" });
    expect(form.match(["zigbee2mqtt", "hall", "lamp"])).toBeUndefined();
    expect(form.match(["zigbee2mqtt", "hall", "desk", "left"])).toBeUndefined();
    for (const bad of ["a/x{b}", "{a}/{a}", "a/{b"]) expect(() => topicForm(bad, {})).toThrow();
  });

  it("tells before anything is heard what cannot be", () => {
    const problems = (more: object) => mqtt.problems(options("mqtt://10.0.0.1", more));
    expect(problems({})).toEqual([]);
    expect(problems({ topics: {} })[0]).toContain("nothing to hear");
    expect(problems({ levels: { plgu: "a" } })[0]).toContain("no topic has {plgu}");
    expect(problems({ topics: { sensor: "tele/#" } })[0]).toContain("needs a topic");
    const mixed = rows.map((row) => ({ ...row, tags: { ...row.tags, outlet: "1" } })).slice(0, 1);
    expect(problems({ rows: mixed })[0]).toContain("{plug} may be anything");
    expect(problems({ rows: mixed, levels: { plug: "a" } })).toEqual([]);
  });

  it("news of faults are bounded, and told again once they were gone", () => {
    const news = new FaultNews();
    const fault = (n: number) => ({ code: "E_VALUE", at: `$.${n}` }) as const;
    news.note("t", [fault(1)]);
    news.note("t", [fault(1), fault(2)]);
    expect(news.take()).toEqual([fault(1), fault(2)]);
    news.note("t", []);
    news.note("t", [fault(1)]);
    expect(news.take()).toEqual([fault(1)]);
    for (let n = 0; n < 1000; n += 1) news.note(`t${n}`, [fault(n)]);
    expect(news.take()).toHaveLength(8);
  });
});
