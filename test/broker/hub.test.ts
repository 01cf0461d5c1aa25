/** The hub over real sockets: delivery, order, back-pressure, slow and wrong clients. */
import { createServer } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { brokerOptions } from "../../broker/index.ts";
import { v } from "../../config/index.ts";
import { hearing, inbox, running } from "./running.ts";
import {
  connackOk,
  connect,
  disconnect,
  field,
  packet,
  publish,
  publish1,
  subscribe,
} from "./wire.ts";

const root = "rackstreet/v1/local/main/hall";
const telemetry = `${root}/power/pdu-1/telemetry`;

describe("delivery", () => {
  it.each([0, 1] as const)("hands each QoS %i publish on once, in order", async (qos) => {
    await using at = await running();
    const reader = await at.connect();
    const got = inbox(reader);
    await reader.subscribeAsync("rackstreet/v1/+/+/+/power/+/telemetry", { qos: 1 });
    const agent = await at.connect({ clientId: "edge-1" });
    const all = Array.from({ length: 300 }, (_, n) => `${n}`);
    await Promise.all(all.map((text) => agent.publishAsync(telemetry, text, { qos })));
    await vi.waitFor(() => expect(got).toEqual(all.map((text) => `${telemetry} ${text}`)));
    expect(at.seen.map(({ payload }) => payload)).toEqual(all);
    expect(at.seen[0]?.client).toEqual({ id: "edge-1", user: "" });
    expect(at.hub.counters.received).toBe(300);
    expect(at.hub.counters.connections).toBe(2);
  });

  it("hands a QoS 2 publish over once", async () => {
    await using at = await running();
    const client = await at.connect();
    await client.publishAsync(telemetry, "two", { qos: 2 });
    await vi.waitFor(() => expect(at.seen.map(({ payload }) => payload)).toEqual(["two"]));
  });

  it("keeps a retained message, replaces it, and forgets it [MQTT-3.3.1-5]", async () => {
    await using at = await running();
    const client = await at.connect();
    const now = async (): Promise<string[]> => {
      const late = await at.connect();
      const got = inbox(late);
      await late.subscribeAsync([`${root}/#`], { qos: 0 });
      await at.hub.publish(`${root}/a/fence/event`, "fence");
      await vi.waitFor(() => expect(got.at(-1)).toBe(`${root}/a/fence/event fence`));
      return got.slice(0, -1);
    };
    await client.publishAsync(telemetry, "1", { qos: 1, retain: true });
    await client.publishAsync(telemetry, "2", { qos: 1, retain: true });
    expect(await now()).toEqual([`${telemetry} 2`]);
    await client.publishAsync(telemetry, "", { qos: 1, retain: true });
    expect(await now()).toEqual([]);
    await at.hub.publish(telemetry, "3", { retain: true, qos: 1 });
    expect(await now()).toEqual([`${telemetry} 3`]);
  });

  it("keeps no more retained topics than the limit", async () => {
    await using at = await running({ limits: { retained: 2 } });
    const client = await at.connect();
    for (const device of ["a", "b", "c", "b"]) {
      await client.publishAsync(`${root}/power/${device}/state`, "x", { qos: 1, retain: true });
    }
    expect(at.hub.counters.unretained).toBe(1);
    const late = await at.connect();
    const got = inbox(late);
    await late.subscribeAsync(`${root}/power/+/state`);
    await vi.waitFor(() => expect(got.length).toBe(2));
    expect(got.map((line) => line.split("/").at(-2))).toEqual(["a", "b"]);
  });

  it("publishes the will of a client that vanishes, not of one that leaves", async () => {
    await using at = await running();
    const reader = await at.connect();
    const got = inbox(reader);
    await reader.subscribeAsync(`${root}/agent/+/state`, { qos: 1 });
    for (const [id, last] of [
      ["leaves", disconnect],
      ["vanishes", Buffer.alloc(0)],
    ] as const) {
      const topic = field(`${root}/agent/${id}/state`);
      const fields = [field(id), topic, field(`${id} offline`)];
      const socket = await at.socket(connect({ flags: 0x0e, fields }));
      socket.end(last);
      await vi.waitFor(() => expect(at.hub.counters.connections).toBe(1));
    }
    await vi.waitFor(() => expect(got).toEqual([`${root}/agent/vanishes/state vanishes offline`]));
    expect(at.seen.map(({ payload }) => payload)).toEqual(["vanishes offline"]);
  });

  it("takes in what a client sends without awaiting CONNACK, all of it", async () => {
    await using at = await running();
    const socket = await at.socket();
    const many = Array.from({ length: 500 }, (_, n) => publish(telemetry, `${n}`));
    socket.end(Buffer.concat([connect(), ...many, disconnect]));
    await vi.waitFor(() => expect(at.seen.length).toBe(500));
    expect(at.seen.map(({ payload }) => Number(payload))).toEqual([...Array(500).keys()]);
  });
});

describe("back-pressure", () => {
  it("holds telemetry without a PUBACK while there is no room, and keeps the order", async () => {
    const gate = Promise.withResolvers<void>();
    let full = true;
    await using at = await running({}, { room: () => (full ? gate.promise : undefined) });
    const socket = await at.socket(connect());
    const heard = hearing(socket);
    const state = `${root}/power/pdu-1/state`;
    const other = await at.connect();
    socket.write(Buffer.concat([publish1(state, 1), publish1(telemetry, 2), publish1(state, 3)]));
    await vi.waitFor(() => expect(heard()).toEqual(packet(0x40, [0, 1])));
    // Another client's state passes meanwhile.
    await other.publishAsync(state, "x", { qos: 1 });
    expect(heard()).toEqual(packet(0x40, [0, 1]));
    full = false;
    gate.resolve();
    const acks = [1, 2, 3].map((id) => packet(0x40, [0, id]));
    await vi.waitFor(() => expect(heard()).toEqual(Buffer.concat(acks)));
    expect(at.seen.length).toBe(4);
  });
});

describe("slow and wrong clients", () => {
  it("one frozen subscriber stalls nobody: QoS 0 is shed, QoS 1 cuts it", async () => {
    await using at = await running({ limits: { egress: "1MiB" } });
    const frozen = await at.socket(connect({ fields: [field("frozen")] }));
    frozen.write(subscribe(`${root}/big/#`, 0));
    await vi.waitFor(() => expect(frozen.bytesRead).toBe(4 + 5));
    frozen.pause();
    const reader = await at.connect();
    const got = inbox(reader);
    await reader.subscribeAsync(`${root}/other/#`);
    const large = Buffer.alloc(65_536, 1);
    let sent = 0;
    while (at.hub.counters.shed === 0 && sent < 1000) {
      await at.hub.publish(`${root}/big/x/event`, large);
      await at.hub.publish(`${root}/other/x/event`, `${sent}`);
      sent += 1;
    }
    expect(at.hub.counters.shed).toBeGreaterThan(0);
    await vi.waitFor(() => expect(got.length).toBe(sent));
    expect(at.hub.counters.cut).toEqual({});
    // The same client also wants QoS 1: that cannot be dropped, so the client is.
    const before = at.hub.counters.receivedBytes;
    frozen.write(subscribe(`${root}/sure/#`, 1));
    await vi.waitFor(() => expect(at.hub.counters.receivedBytes).toBeGreaterThan(before));
    for (let n = 0; n < 1000 && at.hub.counters.cut.egress === undefined; n += 1) {
      await at.hub.publish(`${root}/sure/x/event`, large, { qos: 1 });
    }
    expect(at.hub.counters.cut).toEqual({ egress: 1 });
    await at.hub.publish(`${root}/other/x/event`, "after");
    await vi.waitFor(() => expect(got.at(-1)).toBe(`${root}/other/x/event after`));
  });

  it.each([0, 1])("sends 12 MB of retained messages to a slow QoS %i reader", async (qos) => {
    await using at = await running({ limits: { egress: "1MiB" } });
    const payload = Buffer.alloc(4096, 1);
    const all = 3000;
    for (let n = 0; n < all; n += 1) {
      await at.hub.publish(`${root}/power/pdu-${n}/telemetry`, payload, { retain: true });
    }
    const slow = await at.socket(connect());
    slow.pause();
    const sent = at.hub.counters.sentBytes;
    slow.write(subscribe(`${root}/#`, qos));
    await vi.waitFor(() => expect(at.hub.counters.sentBytes).toBeGreaterThan(sent + 1e6));
    // Others are served meanwhile.
    const reader = await at.connect();
    await reader.publishAsync("rackstreet/v1/elsewhere", "x", { qos: 1 });
    const heard = hearing(slow);
    slow.resume();
    await vi.waitFor(() => expect(heard().length).toBeGreaterThan(all * 4096), { timeout: 10_000 });
    expect(at.hub.counters).toMatchObject({ shed: 0, cut: {} });
  });

  it("ends a client that is silent for 1.5 keepalives [MQTT-3.1.2-24]", async () => {
    await using at = await running();
    const silent = packet(0x10, field("MQTT"), [4, 2, 0, 1], field("silent"));
    await at.socket(silent);
    await vi.waitFor(() => expect(at.hub.counters.cut).toEqual({ keepalive: 1 }), {
      timeout: 10_000,
    });
  });

  it("cuts a declared 256 MB before it comes, and counts why", async () => {
    await using at = await running();
    const socket = await at.socket(connect());
    socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
    const stranger = await at.socket();
    stranger.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await vi.waitFor(() => expect(at.hub.counters.cut).toEqual({ oversize: 2 }));
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(0));
  });

  it("takes a packet up to the limit", async () => {
    await using at = await running({ limits: { packet: "64KiB" } });
    const client = await at.connect();
    await client.publishAsync(telemetry, Buffer.alloc(65_000), { qos: 1 });
    client.publish(telemetry, Buffer.alloc(66_000), { qos: 1 });
    await vi.waitFor(() => expect(at.hub.counters.cut).toEqual({ oversize: 1 }));
    expect(at.seen.map(({ payload }) => payload.length)).toEqual([65_000]);
  });

  it("refuses version 6 and a nameless session [MQTT-3.2.2-4] [MQTT-3.2.2-5]", async () => {
    await using at = await running();
    const late = await at.socket();
    const answered = hearing(late);
    late.write(connect({ level: 6 }));
    await vi.waitFor(() => expect(answered()).toEqual(Buffer.from([0x20, 2, 0, 1])));
    const socket = await at.socket();
    const heard = hearing(socket);
    socket.write(connect({ flags: 0, fields: [field("")] }));
    await vi.waitFor(() => expect(heard()).toEqual(Buffer.from([0x20, 2, 0, 2])));
    expect(at.hub.counters.cut).toEqual({ protocol: 1, client_id: 1 });
  });

  it("keeps to the limit of connections", async () => {
    await using at = await running({ limits: { connections: 1 } });
    await at.socket(connect());
    const second = await at.socket();
    second.resume();
    await vi.waitFor(() => expect(second.destroyed).toBe(true));
    await vi.waitFor(() => expect(at.hub.counters.rejected).toEqual({ connections: 1 }));
    expect(at.hub.counters.connections).toBe(1);
  });

  it("survives a topic of 65,535 slashes and prototype names as ids", async () => {
    await using at = await running();
    for (const id of ["__proto__", "constructor", "toString"]) {
      const socket = await at.socket(connect({ fields: [field(id)] }));
      socket.write(publish1(`rackstreet/v1/${"/".repeat(60_000)}`, 1));
    }
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(0));
    expect(at.hub.counters.cut).toEqual({ broker: 3 });
    await at.connect();
  });

  it("ends a session with its connection where none is kept [MQTT 4.1]", async () => {
    await using at = await running({ sessions: { count: 0 } });
    const heard = [];
    for (let n = 0; n < 2; n += 1) {
      const socket = await at.socket(connect({ flags: 0 }));
      const answer = hearing(socket);
      socket.write(subscribe(`${root}/#`, 1));
      await vi.waitFor(() => expect(answer().length).toBe(5));
      heard.push(answer());
      socket.destroy();
      await vi.waitFor(() => expect(at.hub.counters.connections).toBe(0));
    }
    expect(connackOk[2]).toBe(0);
    expect(heard[0]).toEqual(heard[1]);
  });
});

describe("starting", () => {
  it("names an address that is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const bound = other.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    await expect(running({ listen: [`mqtt://127.0.0.1:${port}`] })).rejects.toMatchObject({
      code: "E_ADDRESS_IN_USE",
      message: expect.stringContaining(`mqtt://127.0.0.1:${port}`),
    });
    await new Promise((resolve) => other.close(resolve));
  });

  it("names an address that is not of this machine, and lets go of the others", async () => {
    const users = { root: { password: "x", role: "admin" } };
    const listen = ["mqtt://127.0.0.1:0", "mqtt://192.0.2.1:0"];
    await expect(running({ listen, users })).rejects.toMatchObject({
      code: "E_ADDRESS_REFUSED",
      message: expect.stringContaining("mqtt://192.0.2.1:0"),
    });
  });

  it("is not open to the network without users", () => {
    const [issue] = v.safeParse(brokerOptions, { listen: ["mqtt://0.0.0.0:1883"] }).issues ?? [];
    expect(issue?.message).toContain("add users, or listen on 127.0.0.1");
    expect(issue?.path?.map(({ key }) => key)).toEqual(["listen"]);
  });

  it("stops with clients connected, and then publishes no more", async () => {
    const at = await running();
    const client = await at.connect();
    await at.socket();
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(2));
    const gone = new Promise<void>((resolve) => client.once("close", resolve));
    await at.hub[Symbol.asyncDispose]();
    await gone;
    expect(at.hub.counters.connections).toBe(0);
    await expect(at.hub.publish(telemetry, "x")).rejects.toMatchObject({ code: "E_DISCONNECTED" });
    await at[Symbol.asyncDispose]();
  });
});
