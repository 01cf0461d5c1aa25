/** A link in the versions of MQTT: to mosquitto, to our hub, and to a broker of 3.1.1 alone. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import type { Message, Uplink } from "../../agent/index.ts";
import { openUplink } from "../../agent/index.ts";
import type { MqttVersion } from "../../config/index.ts";
import type { Log } from "../../telemetry/index.ts";
import { realPlatform } from "../broker/platform.ts";
import { running } from "../broker/running.ts";
import { needs } from "../peers.ts";
import { startMosquitto } from "./mosquittod.ts";

const present = needs("mosquitto", "mosquitto");
const wait = { timeout: 20_000, interval: 10 };
const topic = "rackstreet/v1/local/main/hall/power/pdu-1/event";

interface Linked extends AsyncDisposable {
  readonly link: Uplink;
  readonly warnings: string[];
  readonly downs: () => number;
}

/** A link that is up. */
async function linked(port: number, mqtt: MqttVersion, clientId = "edge"): Promise<Linked> {
  const warnings: string[] = [];
  const warn: Log["warn"] = (event, fields) => {
    warnings.push(`${event}: ${String(fields?.["why"])}`);
  };
  const up = Promise.withResolvers<void>();
  let downs = 0;
  const link = openUplink(
    {
      url: { scheme: "mqtt", host: "127.0.0.1", port },
      clientId,
      subscribe: ["rackstreet/v1/local/main/hall/agent/edge/stored"],
    },
    { keepalive: 30_000, mqtt },
    {
      events: {
        up: () => up.resolve(),
        down: () => {
          downs += 1;
        },
        message: () => undefined,
      },
      platform: { ...realPlatform, log: { ...realPlatform.log, warn } },
    },
  );
  await up.promise;
  return {
    link,
    warnings,
    downs: () => downs,
    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
  };
}

function message(text: string, more: Partial<Message> = {}): Message {
  return { topic, payload: text, retain: false, ...more };
}

describe.skipIf(!present)("a link to mosquitto", { timeout: 60_000 }, () => {
  it.each(["3.1.1", "5", "auto"] as const)("speaks %s", async (mqtt) => {
    await using broker = await startMosquitto();
    const port = Number(new URL(broker.url).port);
    const reader = await connectAsync(broker.url, { protocolVersion: 5 });
    const heard: unknown[] = [];
    reader.on("message", (_topic, payload, { properties }) => {
      heard.push([payload.toString(), properties]);
    });
    await reader.subscribeAsync("#", { qos: 1 });
    await using edge = await linked(port, mqtt);
    await edge.link.publish(message("held", { expires: 90_000 }));
    await vi.waitFor(() => expect(heard).toHaveLength(1), wait);
    const properties = {
      payloadFormatIndicator: true,
      contentType: "application/json",
      messageExpiryInterval: 90,
      userProperties: { from: "edge" },
    };
    expect(heard).toEqual([["held", mqtt === "3.1.1" ? undefined : properties]]);
    await reader.endAsync();
  });

  it("keeps to the window that the broker gives, and loses nothing [MQTT5 3.2.2.3]", async () => {
    await using broker = await startMosquitto(["max_inflight_messages 3"]);
    await using edge = await linked(Number(new URL(broker.url).port), "5");
    const reader = await connectAsync(broker.url);
    const heard: string[] = [];
    reader.on("message", (_topic, payload) => heard.push(payload.toString()));
    await reader.subscribeAsync(topic, { qos: 1 });
    const sent = Array.from({ length: 200 }, (_, n) => `${n}`);
    await Promise.all(sent.map((text) => edge.link.publish(message(text))));
    await vi.waitFor(() => expect(heard).toEqual(sent), wait);
    expect(edge.downs()).toBe(0);
    await reader.endAsync();
  });

  it("says why a publish is refused, once, and goes on", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-acl-"));
    await chmod(folder, 0o755);
    const acl = join(folder, "acl");
    await writeFile(acl, `topic readwrite ${topic}\ntopic read rackstreet/#\n`);
    await using broker = await startMosquitto([`acl_file ${acl}`]);
    await using edge = await linked(Number(new URL(broker.url).port), "5");
    for (const _ of [1, 2]) {
      const refused = edge.link.publish(message("x", { topic: "a/b" }));
      await expect(refused).rejects.toMatchObject({ code: "E_ACCESS" });
    }
    expect(edge.warnings).toEqual(["publish refused: a/b: the broker refuses it: not authorized"]);
    await edge.link.publish(message("good"));
    expect(edge.downs()).toBe(0);
    await rm(folder, { recursive: true });
  });

  it("does not send what the broker would end the link for", async () => {
    await using broker = await startMosquitto(["max_packet_size 1000"]);
    await using edge = await linked(Number(new URL(broker.url).port), "5");
    const large = edge.link.publish(message("x".repeat(2000)));
    await expect(large).rejects.toThrow(/larger than the 1000 bytes/);
    await edge.link.publish(message("small"));
    expect(edge.downs()).toBe(0);
  });
});

describe("a link to a hub", () => {
  it("speaks 3.1.1 where 5 is refused, by itself", async () => {
    await using hub = await running({ mqtt5: false });
    await using edge = await linked(hub.port, "auto");
    await edge.link.publish(message("heard"));
    await vi.waitFor(() => expect(hub.seen.map(({ payload }) => payload)).toEqual(["heard"]));
    expect(edge.warnings).toEqual([]);
  });

  it("learns by 5 why a publish is refused", async () => {
    await using hub = await running();
    await using edge = await linked(hub.port, "5");
    const refused = edge.link.publish(message("x", { topic: "a/b" }));
    await expect(refused).rejects.toThrow(/a\/b: the broker refuses it: not authorized/);
  });

  it("says that another came with its identifier", async () => {
    await using hub = await running();
    await using edge = await linked(hub.port, "5", "one");
    await using _other = await linked(hub.port, "5", "one");
    await vi.waitFor(() => expect(edge.warnings.join()).toMatch(/same identifier/), wait);
  });
});
