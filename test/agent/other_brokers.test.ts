/**
 * A link to brokers as EMQX and VerneMQ say of themselves that they are: their CONNACK, their
 * windows and sizes, and what they do with what they refuse (docs/other-brokers.md).
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer } from "node:net";
import type { IConnackPacket, IPublishPacket, Packet } from "mqtt-packet";
import mqttPacket from "mqtt-packet";
import { describe, expect, it } from "vitest";
import type { Uplink } from "../../agent/index.ts";
import { openUplink } from "../../agent/index.ts";
import { realPlatform } from "../broker/platform.ts";

interface Manners {
  readonly version: 4 | 5;
  readonly properties?: IConnackPacket["properties"];
  /** What is answered to a publish; undefined: the connection is closed. */
  answer(publish: IPublishPacket): number | undefined;
}

interface Broker extends AsyncDisposable {
  readonly port: number;
  /** QoS 1 publishes, in order. */
  readonly taken: string[];
  /** The most that was unanswered at once. */
  readonly most: () => number;
}

/** A broker that answers publishes in the next turn. */
async function broker(manners: Manners): Promise<Broker> {
  const taken: string[] = [];
  let most = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    const parser = mqttPacket.parser({ protocolVersion: manners.version });
    const say = (packet: Packet): void => {
      socket.write(mqttPacket.generate(packet, { protocolVersion: manners.version }));
    };
    let open = 0;
    parser.on("packet", (packet) => {
      if (packet.cmd === "connect") {
        const { properties = {} } = manners;
        say({ cmd: "connack", sessionPresent: false, returnCode: 0, reasonCode: 0, properties });
      } else if (packet.cmd === "publish") {
        open += 1;
        most = Math.max(most, open);
        taken.push(packet.payload.toString());
        const reasonCode = manners.answer(packet);
        if (reasonCode === undefined) socket.destroy();
        else {
          setImmediate(() => {
            open -= 1;
            say({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode });
          });
        }
      }
    });
    socket.on("data", (bytes) => parser.parse(Buffer.from(bytes)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : 0,
    taken,
    most: () => most,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function linked(port: number, mqtt: "3.1.1" | "5"): Promise<Uplink & { downs(): number }> {
  const up = Promise.withResolvers<void>();
  let downs = 0;
  const link = openUplink(
    { url: { scheme: "mqtt", host: "127.0.0.1", port }, clientId: "edge", subscribe: [] },
    { keepalive: 30_000, mqtt },
    {
      events: {
        up: () => up.resolve(),
        down: () => {
          downs += 1;
        },
        message: () => undefined,
      },
      platform: realPlatform,
    },
  );
  await up.promise;
  return Object.assign(link, { downs: () => downs });
}

function message(payload: string): Parameters<Uplink["publish"]>[0] {
  return { topic: "rackstreet/v1/local/main/hall/power/pdu-1/event", payload, retain: false };
}

const emqx = {
  receiveMaximum: 32,
  maximumPacketSize: 1_048_576,
  topicAliasMaximum: 65_535,
  retainAvailable: true,
  sharedSubscriptionAvailable: true,
};

describe("EMQX", () => {
  it("is sent no more at once than its inflight window, and all of it", async () => {
    await using far = await broker({ version: 5, properties: emqx, answer: () => 0 });
    await using link = await linked(far.port, "5");
    const sent = Array.from({ length: 500 }, (_, n) => `${n}`);
    await Promise.all(sent.map((text) => link.publish(message(text))));
    expect(far.taken).toEqual(sent);
    expect(far.most()).toBeLessThanOrEqual(emqx.receiveMaximum);
  });

  it("may have no subscriber yet", async () => {
    await using far = await broker({ version: 5, properties: emqx, answer: () => 0x10 });
    await using link = await linked(far.port, "5");
    await link.publish(message("heard by nobody"));
    expect(link.downs()).toBe(0);
  });
});

describe("VerneMQ", () => {
  it("says by 5 that it refuses, and the link stays", async () => {
    const properties = { receiveMaximum: 10 };
    await using far = await broker({ version: 5, properties, answer: () => 0x87 });
    await using link = await linked(far.port, "5");
    await expect(link.publish(message("x"))).rejects.toMatchObject({ code: "E_ACCESS" });
    expect(link.downs()).toBe(0);
  });

  it("closes the connection by 3.1.1, and the publish has failed", async () => {
    await using far = await broker({ version: 4, answer: () => undefined });
    await using link = await linked(far.port, "3.1.1");
    await expect(link.publish(message("x"))).rejects.toMatchObject({ code: "E_UPLINK" });
    expect(link.downs()).toBe(1);
  });
});
