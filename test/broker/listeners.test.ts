/** MQTT over WebSocket: subprotocol, binary frames, and pages of other sites. */
import { describe, expect, it, vi } from "vitest";
import { connectAsync } from "mqtt";
import { WebSocket } from "ws";
import { addressText, isLoopback } from "../../config/index.ts";
import { inbox, running } from "./running.ts";
import { connackOk, connect } from "./wire.ts";

const listen = ["mqtt://127.0.0.1:0", "ws://127.0.0.1:0"];
const topic = "rackstreet/v1/local/main/hall/power/pdu-1/telemetry";

/** How an attempt to open a WebSocket ends. */
function open(url: string, protocols: string[], origin?: string): Promise<string> {
  const socket = new WebSocket(url, protocols, origin === undefined ? {} : { origin });
  return new Promise((resolve) => {
    socket.on("open", () => {
      resolve(`open ${socket.protocol}`);
      socket.terminate();
    });
    socket.on("error", (error) => resolve(error.message));
  });
}

describe("WebSocket", () => {
  it.each([4, 5] as const)("carries MQTT %i beside TCP [MQTT-6.0.0-3]", async (version) => {
    await using at = await running({ listen });
    const [, url = ""] = at.hub.addresses;
    const options = { reconnectPeriod: 0, protocolVersion: version };
    const reader = await connectAsync(url, options, false);
    const got = inbox(reader);
    await reader.subscribeAsync("rackstreet/v1/#", { qos: 1 });
    const writer = await at.connect();
    const large = "x".repeat(200_000);
    await writer.publishAsync(topic, large, { qos: 1 });
    await reader.publishAsync(topic, "back", { qos: 1 });
    await vi.waitFor(() => expect(got).toEqual([`${topic} ${large}`, `${topic} back`]));
    await reader.endAsync();
  });

  it("wants the subprotocol mqtt", async () => {
    await using at = await running({ listen });
    const [, url = ""] = at.hub.addresses;
    expect(await open(url, ["mqtt"])).toBe("open mqtt");
    expect(await open(url, ["other", "mqtt"])).toBe("open mqtt");
    expect(await open(url, [])).toMatch(/400/);
    expect(await open(url, ["mqttv5"])).toMatch(/400/);
    expect((await fetch(url.replace("ws:", "http:"))).status).toBe(426);
  });

  it("keeps out pages of other sites, and names made to mean this machine", async () => {
    await using at = await running({ listen });
    const [, url = ""] = at.hub.addresses;
    expect(await open(url, ["mqtt"], "http://127.0.0.1:8080")).toBe("open mqtt");
    expect(await open(url, ["mqtt"], "https://evil.example")).toMatch(/403/);
    expect(await open(url, ["mqtt"], "null")).toMatch(/403/);
    const port = Number(url.split(":").at(-1));
    const rebound = new WebSocket(url, ["mqtt"], {
      origin: `http://evil.example:${port}`,
      headers: { host: `evil.example:${port}` },
    });
    const end = await new Promise((resolve) => {
      rebound.on("open", () => resolve("open"));
      rebound.on("error", (error) => resolve(error.message));
    });
    expect(end).toMatch(/403/);
    expect(at.hub.counters.rejected).toEqual({ origin: 3 });
  });

  it("closes on a text frame [MQTT-6.0.0-1]", async () => {
    await using at = await running({ listen });
    const [, url = ""] = at.hub.addresses;
    const socket = new WebSocket(url, ["mqtt"]);
    const heard: Buffer[] = [];
    socket.on("message", (data: Buffer) => heard.push(data));
    socket.on("error", () => undefined);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    await new Promise((resolve) => socket.on("open", resolve));
    socket.send(connect());
    await vi.waitFor(() => expect(Buffer.concat(heard)).toEqual(connackOk));
    socket.send("text");
    await closed;
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(0));
  });
});

describe("addresses", () => {
  it("of this machine", () => {
    for (const host of ["localhost", "127.0.0.1", "127.8.8.8", "::1"]) {
      expect(isLoopback(host), host).toBe(true);
    }
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "hub"]) {
      expect(isLoopback(host), host).toBe(false);
    }
  });

  it("are shown as they are written", () => {
    expect(addressText({ scheme: "mqtt", host: "::1", port: 1883 })).toBe("mqtt://[::1]:1883");
    expect(addressText({ scheme: "ws", host: "hub", port: 8083 })).toBe("ws://hub:8083");
  });
});
