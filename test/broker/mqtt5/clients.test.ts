/** A hub and clients of MQTT 5 that nobody here wrote (MQTT.js). */
import type { IClientOptions, IConnackPacket, IDisconnectPacket, MqttClient } from "mqtt";
import { connect } from "mqtt";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Running } from "../running.ts";
import { inbox, running } from "../running.ts";

const root = "rackstreet/v1/local/main/hall";
const topic = `${root}/power/pdu-1/event`;
const five: IClientOptions = { protocolVersion: 5 };
const all = "rackstreet/v1/#";

interface Heard {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
  readonly properties: unknown;
}

function hearing(client: MqttClient): Heard[] {
  const heard: Heard[] = [];
  client.on("message", (topic, payload, { retain, properties }) => {
    heard.push({ topic, payload: payload.toString(), retain, properties });
  });
  return heard;
}

/** A client and the CONNACK it got. */
async function greeted(
  url: string,
  options: IClientOptions,
): Promise<{ readonly client: MqttClient; readonly connack: IConnackPacket }> {
  const client = connect(url, { ...five, reconnectPeriod: 0, ...options });
  client.on("error", () => undefined);
  const connack = await new Promise<IConnackPacket>((resolve) => {
    client.on("packetreceive", (packet) => {
      if (packet.cmd === "connack") resolve(packet);
    });
  });
  return { client, connack };
}

describe("an open hub", () => {
  let it5: Running;
  beforeAll(async () => {
    it5 = await running({ limits: { subscriptions: 3 } });
  });
  afterAll(async () => {
    await it5[Symbol.asyncDispose]();
  });

  it("says in CONNACK what is not to be had, and its bounds", async () => {
    const { client, connack } = await greeted(it5.url, { clientId: "" });
    expect(connack.reasonCode).toBe(0);
    expect(connack.properties).toMatchObject({
      sharedSubscriptionAvailable: false,
      subscriptionIdentifiersAvailable: false,
      maximumPacketSize: 262_144,
      receiveMaximum: 100,
      topicAliasMaximum: 16,
      assignedClientIdentifier: expect.stringMatching(/^client-/),
    });
    await client.endAsync();
  });

  it.each([0, 1, 2] as const)(
    "carries what is published at QoS %i with its properties [MQTT5-3.3.2-4]",
    async (qos) => {
      const reader = await it5.connect(five);
      const heard = hearing(reader);
      await reader.subscribeAsync(all, { qos: 2 });
      const writer = await it5.connect(five);
      const properties = {
        payloadFormatIndicator: true,
        contentType: "application/json",
        responseTopic: `${root}/client/city/answer`,
        correlationData: Buffer.from([1, 2, 3]),
        userProperties: { seq: "7", by: ["a", "b"] },
      };
      await writer.publishAsync(topic, `at ${qos}`, { qos, properties });
      await vi.waitFor(() => expect(heard).toHaveLength(1));
      expect(heard[0]).toMatchObject({ payload: `at ${qos}`, topic, properties });
      await vi.waitFor(() => expect(it5.seen.at(-1)).toMatchObject({ payload: `at ${qos}` }));
    },
  );

  it("carries properties of an empty publish, and to 3.1.1 the publish alone", async () => {
    const [reader, old] = [await it5.connect(five), await it5.connect()];
    const heard = hearing(reader);
    const oldInbox = inbox(old);
    await reader.subscribeAsync(all, { qos: 1 });
    await old.subscribeAsync(all, { qos: 1 });
    const writer = await it5.connect(five);
    await writer.publishAsync(topic, "", { qos: 1, properties: { contentType: "text/plain" } });
    await writer.publishAsync(topic, "next", { qos: 1 });
    await vi.waitFor(() => expect(heard).toHaveLength(2));
    expect(heard.map(({ properties }) => properties)).toEqual([
      { contentType: "text/plain" },
      undefined,
    ]);
    await vi.waitFor(() => expect(oldInbox).toEqual([`${topic} `, `${topic} next`]));
  });

  it("keeps the properties of what is retained", async () => {
    const retained = `${root}/power/pdu-7/meta`;
    const writer = await it5.connect(five);
    const properties = { userProperties: { unit: "W" }, messageExpiryInterval: 600 };
    await writer.publishAsync(retained, "{}", { qos: 1, retain: true, properties });
    const reader = await it5.connect(five);
    const heard = hearing(reader);
    await reader.subscribeAsync(retained);
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    expect(heard[0]).toMatchObject({ retain: true, properties: { userProperties: { unit: "W" } } });
    await writer.publishAsync(retained, "", { qos: 1, retain: true });
  });

  it("takes topics by alias, as the client said them [MQTT5 3.3.2.3.4]", async () => {
    const reader = await it5.connect(five);
    const messages = inbox(reader);
    await reader.subscribeAsync(topic);
    const writer = await it5.connect({ ...five, autoAssignTopicAlias: true });
    for (const text of ["one", "two", "three"]) await writer.publishAsync(topic, text, { qos: 1 });
    await vi.waitFor(() =>
      expect(messages).toEqual(["one", "two", "three"].map((text) => `${topic} ${text}`)),
    );
  });

  it("does not echo to who wants none, and says what was retained [MQTT5 3.8.3.1]", async () => {
    const client = await it5.connect(five);
    const other = await it5.connect(five);
    const [heard, elsewhere] = [hearing(client), hearing(other)];
    await client.subscribeAsync(topic, { qos: 1, nl: true });
    await other.subscribeAsync(topic, { qos: 1, rap: true });
    await client.publishAsync(topic, "own", { qos: 1, retain: true });
    await other.publishAsync(topic, "", { qos: 1, retain: true });
    await vi.waitFor(() => expect(elsewhere).toHaveLength(2));
    expect(elsewhere[0]).toMatchObject({ payload: "own", retain: true });
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    expect(heard[0]).toMatchObject({ payload: "" });
  });

  it("sends what is retained by wish: always, once, never", async () => {
    const retained = `${root}/power/pdu-8/meta`;
    const writer = await it5.connect(five);
    await writer.publishAsync(retained, "kept", { qos: 1, retain: true });
    const client = await it5.connect(five);
    const messages = inbox(client);
    await client.subscribeAsync(retained, { qos: 1, rh: 2 });
    await client.subscribeAsync(retained, { qos: 1, rh: 1 });
    await client.publishAsync(retained, "live 1", { qos: 1 });
    await vi.waitFor(() => expect(messages).toEqual([`${retained} live 1`]));
    await client.unsubscribeAsync(retained);
    await client.subscribeAsync(retained, { qos: 1, rh: 1 });
    await vi.waitFor(() => expect(messages.at(-1)).toBe(`${retained} kept`));
    await client.subscribeAsync(retained, { qos: 1, rh: 0 });
    await vi.waitFor(() => expect(messages).toHaveLength(3));
    await writer.publishAsync(retained, "", { qos: 1, retain: true });
  });

  it("says why a subscription is refused [MQTT5 4.8.2]", async () => {
    const client = await it5.connect(five);
    const refused = (filter: string): Promise<unknown> =>
      client.subscribeAsync(filter).catch((error: unknown) => error);
    const saying = (code: number): object => ({ packet: { granted: [code] } });
    expect(await refused("$share/group/rackstreet/v1/#")).toMatchObject(saying(0x9e));
    expect(await refused("$SYS/#")).toMatchObject(saying(0x87));
    for (const n of [1, 2, 3]) await client.subscribeAsync(`${root}/power/pdu-${n}/event`);
    expect(await refused(`${root}/power/pdu-4/event`)).toMatchObject(saying(0x97));
  });

  it("says whether what is unsubscribed was subscribed", async () => {
    const client = await it5.connect(five);
    const codes: unknown[] = [];
    client.on("packetreceive", (packet) => {
      if (packet.cmd === "unsuback") codes.push(packet.granted);
    });
    await client.subscribeAsync(topic);
    await client.unsubscribeAsync([topic, `${root}/+/+/meta`]);
    expect(codes).toEqual([[0, 0x11]]);
  });

  it("sends no packet larger than the client takes, and goes on [MQTT5-3.1.2-25]", async () => {
    const reader = await it5.connect({ ...five, properties: { maximumPacketSize: 200 } });
    const messages = inbox(reader);
    await reader.subscribeAsync(topic, { qos: 2 });
    const writer = await it5.connect(five);
    for (const qos of [0, 1, 2] as const) {
      await writer.publishAsync(topic, "x".repeat(300), { qos });
    }
    for (const qos of [1, 2] as const) await writer.publishAsync(topic, `small ${qos}`, { qos });
    await vi.waitFor(() => expect(messages).toEqual([`${topic} small 1`, `${topic} small 2`]));
    expect(it5.hub.counters.shed).toBeGreaterThanOrEqual(3);
  });

  it("sends no more at once than the client takes", async () => {
    const reader = await it5.connect({ ...five, properties: { receiveMaximum: 2 } });
    await reader.subscribeAsync(topic, { qos: 2 });
    let open = 0;
    let most = 0;
    const messages: string[] = [];
    reader.handleMessage = (packet, done) => {
      messages.push(packet.payload.toString());
      setImmediate(done);
    };
    reader.on("packetreceive", (packet) => {
      if (packet.cmd === "publish" && packet.qos > 0) most = Math.max(most, (open += 1));
    });
    reader.on("packetsend", (packet) => {
      if (packet.cmd === "puback" || packet.cmd === "pubcomp") open -= 1;
    });
    const writer = await it5.connect(five);
    const sent = Array.from({ length: 30 }, (_, n) => `${n}`);
    await Promise.all(
      sent.map((text, n) => writer.publishAsync(topic, text, { qos: n % 2 === 0 ? 1 : 2 })),
    );
    await vi.waitFor(() => expect(messages.toSorted()).toEqual(sent.toSorted()));
    expect(most).toBeLessThanOrEqual(2);
  });

  it("lets a will go when the client says so, and not when it leaves [MQTT5 3.14]", async () => {
    const reader = await it5.connect(five);
    const heard = hearing(reader);
    await reader.subscribeAsync(topic);
    const will = {
      topic,
      payload: Buffer.from("gone"),
      qos: 1 as const,
      properties: { contentType: "text/plain" },
    };
    const orderly = await it5.connect({ ...five, will });
    await orderly.endAsync(false, { reasonCode: 0 });
    const other = await it5.connect({ ...five, will: { ...will, payload: Buffer.from("left") } });
    await other.endAsync(false, { reasonCode: 4 });
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    expect(heard[0]).toMatchObject({ payload: "left", properties: { contentType: "text/plain" } });
  });

  it("tells who is taken over, and nothing after that [MQTT5 3.14.4]", async () => {
    const first = await it5.connect({ ...five, clientId: "twice" });
    const told = new Promise<IDisconnectPacket>((resolve) => first.on("disconnect", resolve));
    await it5.connect({ ...five, clientId: "twice" });
    expect(await told).toMatchObject({ reasonCode: 0x8e });
  });
});

describe("a hub with users", () => {
  const users = {
    edge: { password: "e", role: "agent" },
    city: { password: "c", role: "reader", read: [all] },
  };
  const agent = { ...five, username: "edge", password: "e" };

  it("acknowledges a refused publish with the reason [MQTT5 3.4] [MQTT5 4.3.3]", async () => {
    await using hub = await running({ users });
    const client = await hub.connect(agent);
    const foreign = "rackstreet/v1/local/other/hall/power/pdu-1/event";
    for (const qos of [1, 2] as const) {
      const refused: unknown = await client
        .publishAsync(foreign, "x", { qos })
        .catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 0x87, message: expect.stringContaining("authorized") });
    }
    for (const qos of [1, 2] as const) await client.publishAsync(topic, `good ${qos}`, { qos });
    await vi.waitFor(() =>
      expect(hub.seen.map(({ payload }) => payload)).toEqual(["good 1", "good 2"]),
    );
    expect(client.connected).toBe(true);
  });

  it("opens no topic by an alias", async () => {
    await using hub = await running({ users });
    const client = await hub.connect(agent);
    const foreign = "rackstreet/v1/local/other/hall/power/pdu-1/event";
    const properties = { topicAlias: 1 };
    for (const name of [foreign, ""]) {
      const refused = client.publishAsync(name, "x", { qos: 1, properties });
      await expect(refused).rejects.toMatchObject({ code: 0x87 });
    }
    expect(hub.seen).toEqual([]);
  });

  it("says nothing in words to who wants none [MQTT5-3.1.2-29]", async () => {
    await using hub = await running({ users });
    const words: unknown[] = [];
    for (const requestProblemInformation of [true, false]) {
      const client = await hub.connect({ ...agent, properties: { requestProblemInformation } });
      client.on("packetreceive", (packet) => {
        if (packet.cmd === "puback") words.push(packet.properties?.reasonString);
      });
      await client.publishAsync("a/b", "x", { qos: 1 }).catch(() => undefined);
    }
    expect(words).toEqual([expect.stringContaining("topics are"), undefined]);
  });

  it("says why it lets nobody in [MQTT5 2.4]", async () => {
    await using hub = await running({ users });
    const { connack } = await greeted(hub.url, { username: "city", password: "wrong" });
    expect(connack).toMatchObject({ reasonCode: 0x87 });
    await hub.connect({ ...agent, clientId: "mine" });
    const foreign = { clientId: "mine", username: "city", password: "c" };
    expect((await greeted(hub.url, foreign)).connack).toMatchObject({ reasonCode: 0x85 });
  });

  it("speaks 3.1.1 alone where it is told to", async () => {
    await using hub = await running({ mqtt5: false });
    const { connack } = await greeted(hub.url, {});
    expect(connack.reasonCode ?? connack.returnCode).toBe(1);
    await hub.connect();
  });
});
