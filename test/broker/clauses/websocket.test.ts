/** MQTT 3.1.1, 6 and 7: MQTT over WebSocket, and over whatever else carries bytes in order. */
import { describe, expect, it } from "vitest";
import { createWebSocketStream, WebSocket } from "ws";
import type { Running } from "../running.ts";
import { running } from "../running.ts";
import { ping } from "../wire.ts";
import { Bare, come, gone, root } from "./bare.ts";
import { hello, publish, subscribe } from "./packets.ts";

const listen = ["mqtt://127.0.0.1:0", "ws://127.0.0.1:0"];
const topic = `${root}/a`;

async function open(at: Running): Promise<{ readonly socket: WebSocket; readonly client: Bare }> {
  const [, url = ""] = at.hub.addresses;
  const socket = new WebSocket(url, ["mqtt"]);
  const client = new Bare(createWebSocketStream(socket, { decodeStrings: false }));
  await new Promise((resolve) => socket.on("open", resolve));
  return { socket, client };
}

describe("a WebSocket", () => {
  it("answers with the subprotocol mqtt, of several [MQTT-6.0.0-4]", async () => {
    await using at = await running({ listen });
    const [, url = ""] = at.hub.addresses;
    const socket = new WebSocket(url, ["other", "mqtt", "mqttv3.1"]);
    await new Promise((resolve) => socket.on("open", resolve));
    expect(socket.protocol).toBe("mqtt");
    socket.terminate();
  });

  it("takes frames cut anywhere: packets whole, in parts, together [MQTT-6.0.0-2]", async () => {
    await using at = await running({ listen });
    const bytes = Buffer.concat([
      hello({ id: "c" }),
      subscribe(3, [topic, 1]),
      publish({ topic: `${root}/b`, payload: "x".repeat(200), qos: 1, id: 5 }),
      ping,
    ]);
    for (const size of [1, 2, 3, 7, 50, bytes.length]) {
      const { socket, client } = await open(at);
      for (let from = 0; from < bytes.length; from += size) {
        socket.send(bytes.subarray(from, from + size));
      }
      const kinds = [];
      while (kinds.length < 4) kinds.push((await client.next()).kind);
      expect(kinds.toSorted()).toEqual(["connack", "pingresp", "puback", "suback"]);
      socket.terminate();
      await gone(at, 0);
    }
  });

  it("is sent binary frames alone, and takes no other [MQTT-6.0.0-1]", async () => {
    await using at = await running({ listen });
    const { socket, client } = await open(at);
    const binary: boolean[] = [];
    socket.on("message", (_data, isBinary) => binary.push(isBinary));
    socket.send(hello({ id: "c" }));
    await client.next();
    socket.send(ping);
    await client.next();
    expect(binary).toEqual([true, true]);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.send("text");
    await closed;
    await gone(at, 0);
  });
});

describe("a conformant server", () => {
  it("speaks over TCP and WebSocket, with one and the same broker [MQTT-7.1.1-1]", async () => {
    await using at = await running({ listen });
    const { client } = await open(at);
    client.send(hello({ id: "web" }));
    await client.next();
    await client.subscribe([topic, 1]);
    const other = await come(at, { id: "tcp" });
    await other.say(topic, "from TCP");
    expect((await client.take()).payload).toBe("from TCP");
  });

  it("asks for nothing that is not in the standard [MQTT-7.0.0-2]", async () => {
    await using at = await running();
    // The least that a client can say: no user, no will, no session, no keep alive.
    const client = await come(at, { id: "", keepalive: 0 });
    expect(await client.subscribe([topic, 0])).toEqual([0]);
    client.send(publish({ topic, payload: "" }));
    expect(await client.publish()).toMatchObject({ topic, payload: "" });
    await client.leave();
  });
});
