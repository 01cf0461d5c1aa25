/** What MQTT 5 says of sessions, messages that grow old, and wills that wait. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { IClientOptions } from "mqtt";
import { connect } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import type { KeepParts } from "../../../broker/sessions.ts";
import { StillClock, stillPlatform } from "../platform.ts";
import type { Running } from "../running.ts";
import { inbox, running } from "../running.ts";

const topic = "rackstreet/v1/local/main/hall/power/pdu-1/event";
const day = 86_400;

function five(more: IClientOptions = {}): IClientOptions {
  return { protocolVersion: 5, clientId: "app", ...more };
}

function keeping(sessionExpiryInterval: number, clean: boolean): IClientOptions {
  return five({ clean, properties: { sessionExpiryInterval } });
}

interface Early extends AsyncDisposable {
  readonly got: { readonly text: string; readonly properties: unknown }[];
  connack(): unknown;
}

/** A client that hears from its first moment on. */
function early(at: Running, options: IClientOptions): Early {
  const client = connect(at.url, { reconnectPeriod: 0, ...options });
  const got: Early["got"] = [];
  let connack: unknown;
  client.on("message", (_topic, payload, { properties }) => {
    got.push({ text: payload.toString(), properties });
  });
  client.on("packetreceive", (packet) => {
    if (packet.cmd === "connack") connack = packet;
  });
  return { got, connack: () => connack, [Symbol.asyncDispose]: () => client.endAsync(true) };
}

/** Subscribes by a session and leaves. */
async function subscribeAndLeave(at: Running, options: IClientOptions): Promise<void> {
  const client = await at.connect(options);
  await client.subscribeAsync(topic, { qos: 1 });
  await client.endAsync();
}

async function say(at: Running, text: string, seconds?: number): Promise<void> {
  const client = await at.connect({ protocolVersion: 5 });
  const properties = {
    userProperties: { by: "test" },
    ...(seconds === undefined ? {} : { messageExpiryInterval: seconds }),
  };
  await client.publishAsync(topic, text, { qos: 1, properties });
  await client.endAsync();
}

/** What waits for the session, behind which `end` is said. */
async function waitingFor(at: Running, options: IClientOptions): Promise<readonly string[]> {
  const client = await at.connect(options);
  const messages = inbox(client);
  await client.subscribeAsync(topic, { qos: 1 });
  await say(at, "end");
  await vi.waitFor(() => expect(messages.at(-1)).toBe(`${topic} end`));
  await client.endAsync();
  return messages.slice(0, -1).map((text) => text.slice(topic.length + 1));
}

async function kept(): Promise<KeepParts & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-mqtt5-"));
  return {
    path: join(folder, "broker.sqlite"),
    worker: () => new Worker(new URL("../../../broker/keep/worker.ts", import.meta.url)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

describe("a session of MQTT 5", () => {
  it("lives as long as its client says, and no longer than the hub's", async () => {
    const clock = new StillClock();
    await using at = await running({}, {}, stillPlatform(clock));
    const options = keeping(600, false);
    await subscribeAndLeave(at, options);
    await say(at, "early");
    clock.advance(500_000);
    expect(await waitingFor(at, options)).toEqual(["early"]);
    await say(at, "late");
    clock.advance(661_000);
    expect(await waitingFor(at, options)).toEqual([]);
    await using long = early(at, keeping(10 * day, false));
    // [MQTT5 3.2.2.3.2]: the hub's own day.
    const granted = { reasonCode: 0, properties: { sessionExpiryInterval: day } };
    await vi.waitFor(() => expect(long.connack()).toMatchObject(granted));
  });

  it("begins anew and is kept all the same [MQTT5-3.1.2-4]", async () => {
    await using at = await running();
    await subscribeAndLeave(at, keeping(600, false));
    await say(at, "of the old one");
    const client = await at.connect(keeping(600, true));
    const messages = inbox(client);
    await client.subscribeAsync(topic, { qos: 1 });
    await client.endAsync();
    await say(at, "of the new one");
    expect(messages).toEqual([]);
    expect(await waitingFor(at, keeping(600, false))).toEqual(["of the new one"]);
  });

  it("goes on once more and ends with the connection when it shall not live", async () => {
    await using at = await running();
    await subscribeAndLeave(at, keeping(600, false));
    await say(at, "kept");
    expect(await waitingFor(at, five({ clean: false }))).toEqual(["kept"]);
    await say(at, "for nobody");
    expect(await waitingFor(at, keeping(600, false))).toEqual([]);
  });

  it("is ended, or shortened, by the last word of its client [MQTT5 3.14.2.2.2]", async () => {
    await using at = await running();
    const client = await at.connect(keeping(600, false));
    await client.subscribeAsync(topic, { qos: 1 });
    await client.endAsync(false, { reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await say(at, "for nobody");
    expect(await waitingFor(at, keeping(600, false))).toEqual([]);
  });

  it("is prolonged by the last word of its client", async () => {
    const clock = new StillClock();
    await using at = await running({}, {}, stillPlatform(clock));
    const client = await at.connect(keeping(10, false));
    await client.subscribeAsync(topic, { qos: 1 });
    await client.endAsync(false, { reasonCode: 0, properties: { sessionExpiryInterval: 600 } });
    await say(at, "kept");
    clock.advance(300_000);
    expect(await waitingFor(at, keeping(600, false))).toEqual(["kept"]);
  });

  it("keeps what rides on its messages over a restart", async () => {
    await using keep = await kept();
    {
      await using at = await running({}, { keep });
      await subscribeAndLeave(at, keeping(600, false));
      await say(at, "kept", 900);
    }
    await using at = await running({}, { keep });
    await using back = early(at, keeping(600, false));
    await vi.waitFor(() => expect(back.got).toHaveLength(1));
    expect(back.got[0]).toMatchObject({
      text: "kept",
      properties: { userProperties: { by: "test" } },
    });
  });
});

describe("a message that grows old", () => {
  it("is heard in its time, and says what is left [MQTT5-3.3.2-5] [MQTT5-3.3.2-6]", async () => {
    const clock = new StillClock();
    await using at = await running({}, {}, stillPlatform(clock));
    const options = keeping(day, false);
    await subscribeAndLeave(at, options);
    await say(at, "short", 10);
    await say(at, "long", 100);
    await say(at, "for ever");
    clock.advance(30_000);
    await using back = early(at, options);
    await vi.waitFor(() => expect(back.got).toHaveLength(2));
    expect(back.got).toMatchObject([
      { text: "long", properties: { messageExpiryInterval: 70 } },
      { text: "for ever", properties: { userProperties: { by: "test" } } },
    ]);
  });

  it("is not sent to who subscribes later", async () => {
    const clock = new StillClock();
    await using at = await running({}, {}, stillPlatform(clock));
    const writer = await at.connect(five({ clientId: "writer" }));
    const retained = topic.replace("event", "meta");
    const properties = { messageExpiryInterval: 5 };
    await writer.publishAsync(retained, "old", { qos: 1, retain: true, properties });
    clock.advance(5000);
    const reader = await at.connect();
    const messages = inbox(reader);
    await reader.subscribeAsync(retained, { qos: 1 });
    await writer.publishAsync(retained, "new", { qos: 1 });
    await vi.waitFor(() => expect(messages).toEqual([`${retained} new`]));
  });
});

describe("a will that waits [MQTT5 3.1.3.2.2]", () => {
  const will = {
    topic,
    payload: Buffer.from("gone"),
    qos: 1 as const,
    properties: { willDelayInterval: 30 },
  };
  const options = (clean: boolean): IClientOptions => ({
    ...keeping(600, clean),
    will,
  });

  async function lost(at: Running, clock: StillClock): Promise<readonly string[]> {
    const reader = await at.connect();
    const messages = inbox(reader);
    await reader.subscribeAsync(topic, { qos: 1 });
    const before = clock.pending;
    const client = await at.connect(options(false));
    client.stream.destroy();
    await vi.waitFor(() => expect(clock.pending).toBe(before + 1));
    return messages;
  }

  it("is said when its time has come", async () => {
    const clock = new StillClock();
    await using at = await running({}, {}, stillPlatform(clock));
    const messages = await lost(at, clock);
    clock.advance(29_999);
    await say(at, "still there");
    await vi.waitFor(() => expect(messages).toEqual([`${topic} still there`]));
    clock.advance(1);
    await vi.waitFor(() => expect(messages.at(-1)).toBe(`${topic} gone`));
  });

  it("is not, when its client comes back in time [MQTT5-3.1.3-9]", async () => {
    const clock = new StillClock();
    await using at = await running({}, {}, stillPlatform(clock));
    const messages = await lost(at, clock);
    clock.advance(20_000);
    const back = await at.connect(options(false));
    clock.advance(20_000);
    await say(at, "still there");
    await vi.waitFor(() => expect(messages).toEqual([`${topic} still there`]));
    await back.endAsync();
  });

  it("is at once, when its client comes back to begin anew", async () => {
    const clock = new StillClock();
    await using at = await running({}, {}, stillPlatform(clock));
    const messages = await lost(at, clock);
    await at.connect(options(true));
    await vi.waitFor(() => expect(messages).toEqual([`${topic} gone`]));
  });
});
