/** The facade for Home Assistant over a real mosquitto; its templates are rendered by Jinja. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import { Facades, HomeAssistant, openUplink } from "../../agent/index.ts";
import { v } from "../../config/index.ts";
import type { Point } from "../../telemetry/index.ts";
import { encodeBatch } from "../../telemetry/index.ts";
import { discoverySchema, discoveryTopic } from "../agent/home-assistant/schema.ts";
import { realPlatform } from "../broker/platform.ts";
import { needs, needsPython } from "../peers.ts";
import { silentLog } from "../virtual.ts";
import { startMosquitto } from "./mosquittod.ts";

const present = needs("mosquitto", "mosquitto");
const hasJinja = needsPython("jinja2", "python3-jinja2");
const wait = { timeout: 20_000, interval: 10 };

const site = { region: "local", org: "main", site: "hall" };
const address = { ...site, class: "power", device: "meter" };
const agent = { ...site, class: "agent", device: "gw" };
const base = "rackstreet/v1/local/main/hall";
const none = { profile: undefined, vendor: undefined, model: undefined };
const devices = [{ address, place: {}, driver: "modbus", interval: 5000, ...none }];
const quote = "it's \\ }} {% 100 %";
const points: Point[] = [
  { measurement: "rack_phase", tags: { phase: "L1" }, fields: { voltage_v: 230.5, q: 0 } },
  { measurement: "rack_phase", tags: { phase: "L2" }, fields: { voltage_v: 0, q: 0 } },
  { measurement: "pdu_outlet", tags: { outlet: quote }, fields: { active_power_w: 12, q: 0 } },
  { measurement: "rack_power", fields: { active_power_w: 7, energy_wh_total: 9, q: 0 } },
];

function rendered(template: string, payload: string): unknown {
  const script = join(import.meta.dirname, "home_assistant_template.py");
  const input = `${JSON.stringify({ template, payload })}\n`;
  const ran = spawnSync("/usr/bin/python3", [script], { input, encoding: "utf8" });
  return JSON.parse(ran.stdout);
}

async function sit(telemetry = true) {
  const broker = await startMosquitto();
  const url = { scheme: "mqtt", host: "127.0.0.1", port: Number(new URL(broker.url).port) };
  const facade = new HomeAssistant(
    {
      prefix: "homeassistant",
      telemetry,
      agent,
      devices,
      connect: ({ events, ...link }) =>
        openUplink(
          { url, clientId: "gw", orderly: true, ...link },
          { keepalive: 30_000, mqtt: "auto" },
          { events, platform: realPlatform },
        ),
    },
    realPlatform,
  );
  const facades = new Facades([facade], silentLog);
  const tell = (given: readonly Point[]): string => {
    const wire = { seq: 1, time: 1_800_000_000_000, points: given, faults: [] };
    const payload = encodeBatch(wire, "s.1", 1, {});
    const topic = `${base}/power/meter/telemetry`;
    const spooled = { ...wire, topic, kind: "telemetry", payload } as const;
    facades.batch({ kind: "telemetry", address, place: {}, ...wire }, spooled);
    return payload;
  };
  return {
    broker,
    facade,
    facades,
    tell,
    async [Symbol.asyncDispose]() {
      await facade[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** Someone who comes later: what is retained, and what comes from now on. */
async function listen(url: string) {
  const client = await connectAsync(url);
  const heard = new Map<string, string>();
  const count = new Map<string, number>();
  client.on("message", (topic, bytes) => {
    heard.set(topic, bytes.toString());
    count.set(topic, (count.get(topic) ?? 0) + 1);
  });
  await client.subscribeAsync("#", { qos: 1 });
  return { client, heard, count, [Symbol.asyncDispose]: () => client.endAsync() };
}

const configTopic = "homeassistant/device/rackstreet_local_main_hall_meter/config";

describe.skipIf(!present)("Home Assistant over mosquitto", { timeout: 60_000 }, () => {
  it("finds retained configs, states and the payloads they read", async () => {
    await using seat = await sit();
    const payload = seat.tell(points);
    seat.facades.turned(address, "online", "none");
    await using home = await listen(seat.broker.url);
    await vi.waitFor(() => expect(home.heard.size).toBe(4), wait);
    expect(configTopic).toMatch(discoveryTopic);
    const config = v.parse(discoverySchema, JSON.parse(home.heard.get(configTopic) ?? ""));
    expect(Object.keys(config.components)).toHaveLength(5);
    expect(home.heard.get(config.state_topic)).toBe(payload);
    for (const { topic } of config.availability) {
      expect(JSON.parse(home.heard.get(topic) ?? "")).toMatchObject({ state: "online" });
    }
  });

  it.skipIf(!hasJinja)(
    "its templates find every value, and nothing where there is none",
    async () => {
      await using seat = await sit();
      const payload = seat.tell(points);
      await using home = await listen(seat.broker.url);
      await vi.waitFor(() => expect(home.heard.has(configTopic)).toBe(true), wait);
      const config = v.parse(discoverySchema, JSON.parse(home.heard.get(configTopic) ?? ""));
      const templates = Object.values(config.components).map((one) => one.value_template);
      const values = templates.map((template) => rendered(template, payload));
      expect(values).toEqual(["230.5", "0", "12", "7", "9"]);
      const empty = JSON.stringify({ v: 1, points: [{ measurement: "rack_phase", fields: {} }] });
      expect(templates.map((template) => rendered(template, empty))).toEqual(["", "", "", "", ""]);
      const state = JSON.stringify({ v: 1, state: "offline" });
      expect(rendered(config.availability[0]?.value_template ?? "", state)).toBe("offline");
    },
  );

  it("lets its broker forget a value when it has grown old", async () => {
    await using seat = await sit();
    seat.tell(points);
    const heard = new Map<string, number | undefined>();
    const home = await connectAsync(seat.broker.url, { protocolVersion: 5 });
    home.on("message", (topic, _payload, { properties }) => {
      heard.set(topic, properties?.messageExpiryInterval);
    });
    await home.subscribeAsync("#", { qos: 1 });
    await vi.waitFor(() => expect(heard.size).toBe(3), wait);
    expect(heard.get(`${base}/power/meter/telemetry`)).toBeGreaterThan(30);
    expect(heard.get(configTopic)).toBeUndefined();
    await home.endAsync();
  });

  it("says all anew when Home Assistant has started, and after a lost broker", async () => {
    await using seat = await sit();
    seat.tell(points);
    await using home = await listen(seat.broker.url);
    await vi.waitFor(() => expect(home.count.get(configTopic)).toBe(1), wait);
    await home.client.publishAsync("homeassistant/status", "online");
    await vi.waitFor(() => expect(home.count.get(configTopic)).toBe(2), wait);
    await home.client.publishAsync("homeassistant/status", "offline");
    await seat.broker.restart();
    await using later = await listen(seat.broker.url);
    await vi.waitFor(() => expect(later.count.get(configTopic)).toBe(1), wait);
    const telemetry = `${base}/power/meter/telemetry`;
    await vi.waitFor(() => expect(later.heard.has(telemetry)).toBe(true), wait);
  });

  it("ends with the agent offline, once and with its own word", async () => {
    await using seat = await sit();
    await using home = await listen(seat.broker.url);
    const topic = `${base}/agent/gw/state`;
    await vi.waitFor(() => expect(home.heard.has(topic)).toBe(true), wait);
    await seat.facade[Symbol.asyncDispose]();
    await vi.waitFor(() => expect(home.heard.get(topic)).toContain("offline"), wait);
    await home.client.publishAsync("end", "1");
    await vi.waitFor(() => expect(home.heard.has("end")).toBe(true), wait);
    expect(home.count.get(topic)).toBe(2);
  });

  it("where the hub uses that broker only configs are said", async () => {
    await using seat = await sit(false);
    seat.tell(points);
    seat.facades.turned(address, "offline", "E_DEVICE_TIMEOUT");
    await using home = await listen(seat.broker.url);
    await vi.waitFor(() => expect(home.heard.has(configTopic)).toBe(true), wait);
    expect([...home.heard.keys()]).toEqual([configTopic]);
  });
});
