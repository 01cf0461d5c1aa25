/** The clients of Eclipse Mosquitto against our broker: MQTT written by somebody else. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";
import { describe, expect, it, vi } from "vitest";
import type { Running } from "../broker/running.ts";
import { running } from "../broker/running.ts";
import { authority } from "../certificates.ts";
import { needs } from "../peers.ts";

const present =
  needs("mosquitto_pub", "mosquitto-clients") && needs("mosquitto_sub", "mosquitto-clients");

const secure = needs("openssl", "openssl");

const root = "rackstreet/v1/local/main/hall";
const topic = `${root}/power/pdu-1/telemetry`;

interface Peer extends Disposable {
  readonly child: ChildProcessWithoutNullStreams;
  /** Exit code. */
  readonly ended: Promise<number | null>;
  output(): string;
}

function start(at: Running, command: string, args: readonly string[]): Peer {
  const where = ["-h", "127.0.0.1", "-p", `${at.port}`, "-V", "mqttv311"];
  const child = spawn(command, [...where, ...args]);
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (text += bytes.toString()));
  return {
    child,
    ended: new Promise((resolve) => child.on("close", resolve)),
    output: () => text,
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

/** A running mosquitto_sub that has been answered its SUBACK. */
async function subscriber(at: Running, args: readonly string[], told = 4 + 5): Promise<Peer> {
  // It writes nothing into a pipe before it ends: the 4 bytes of CONNACK and 5 of SUBACK tell.
  const ready = at.hub.counters.sentBytes + told;
  const peer = start(at, "mosquitto_sub", ["-F", "<%t %p>", ...args]);
  try {
    await vi.waitFor(() => expect(at.hub.counters.sentBytes).toBe(ready), { timeout: 10_000 });
  } catch (error) {
    peer[Symbol.dispose]();
    throw error;
  }
  return peer;
}

async function publisher(
  at: Running,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  using peer = start(at, "mosquitto_pub", args);
  const code = await peer.ended;
  return { code, output: peer.output() };
}

describe.skipIf(!present)("mosquitto_pub and mosquitto_sub", () => {
  it.each([0, 1, 2])("QoS %i from one to the other", async (qos) => {
    await using at = await running();
    using sub = await subscriber(at, ["-t", `${root}/#`, "-q", `${qos}`, "-C", "1"]);
    const args = ["-t", topic, "-q", `${qos}`, "-m", "hello °C"];
    expect((await publisher(at, args)).code).toBe(0);
    expect(await sub.ended).toBe(0);
    expect(sub.output()).toContain(`<${topic} hello °C>`);
    expect(at.seen.map(({ payload }) => payload)).toEqual(["hello °C"]);
  });

  it("a stream of lines, in order", async () => {
    await using at = await running();
    using sub = await subscriber(at, ["-t", topic, "-q", "1", "-C", "500"]);
    using pub = start(at, "mosquitto_pub", ["-t", topic, "-q", "1", "-l"]);
    const lines = Array.from({ length: 500 }, (_, n) => `line-${n}`);
    pub.child.stdin.end(lines.map((line) => `${line}\n`).join(""));
    expect(await pub.ended).toBe(0);
    expect(await sub.ended).toBe(0);
    expect(sub.output().match(/line-\d+/g)).toEqual(lines);
  });

  it("a retained message and a large one", async () => {
    await using at = await running();
    const large = "x".repeat(100_000);
    using pub = start(at, "mosquitto_pub", ["-t", topic, "-q", "1", "-r", "-s"]);
    pub.child.stdin.end(large);
    expect(await pub.ended).toBe(0);
    using sub = start(at, "mosquitto_sub", ["-t", `${root}/#`, "-C", "1", "-F", "%r %p"]);
    expect(await sub.ended).toBe(0);
    expect(sub.output().trim()).toBe(`1 ${large}`);
  });

  it("the will of one that is killed", async () => {
    await using at = await running();
    const will = `${root}/agent/edge-1/state`;
    using sub = await subscriber(at, ["-t", will, "-C", "1"]);
    const options = ["--will-topic", will, "--will-payload", "offline", "--will-qos", "1"];
    using dying = await subscriber(at, ["-t", topic, "-i", "edge-1", ...options]);
    dying.child.kill("SIGKILL");
    expect(await sub.ended).toBe(0);
    expect(sub.output()).toContain(`<${will} offline>`);
  });

  it("user and password, right and wrong, and what a user may not", async () => {
    const users = {
      "edge-1": { password: "pw-1", role: "agent" },
      city: { password: "pw-city", role: "reader" },
    };
    await using at = await running({ users });
    const agent = ["-u", "edge-1", "-P", "pw-1", "-q", "1", "-m", "x"];
    using sub = await subscriber(at, ["-u", "city", "-P", "pw-city", "-t", `${root}/#`, "-C", "1"]);
    // Refused: acknowledged all the same, so that nobody comes back with it for ever.
    const forbidden = `${root}/agent/edge-2/state`;
    expect((await publisher(at, [...agent, "-t", forbidden])).code).toBe(0);
    expect((await publisher(at, [...agent, "-t", topic])).code).toBe(0);
    expect(await sub.ended).toBe(0);
    expect(sub.output()).not.toContain(`<${forbidden}`);
    const wrong = await publisher(at, ["-u", "edge-1", "-P", "pw-2", "-t", topic, "-m", "x"]);
    expect(wrong).toMatchObject({ code: 5 });
    expect(wrong.output).toMatch(/not authori[sz]ed/i);
    using read = start(at, "mosquitto_sub", ["-u", "city", "-P", "pw-city", "-t", "$SYS/#"]);
    await read.ended;
    expect(read.output()).toMatch(/denied/);
  });

  it("version 3.1 is spoken", async () => {
    await using at = await running();
    const args = ["-t", topic, "-q", "1", "-m", "x", "-i", "old", "-V"];
    expect((await publisher(at, [...args, "mqttv31"])).code).toBe(0);
  });
});

describe.skipIf(!present || !secure)("mosquitto_pub over TLS", () => {
  it("is who its certificate says, and nobody without one", async () => {
    await using ca = await authority();
    const [hub, edge] = [await ca.certify("hub"), await ca.certify("edge-1")];
    await using at = await running({
      listen: ["mqtts://127.0.0.1:0"],
      tls: { ...hub, clientCa: ca.ca },
      users: { "edge-1": { certificate: "edge-1", role: "agent" } },
    });
    const say = ["-t", `${root}/agent/edge-1/telemetry`, "-m", "{}", "-q", "1"];
    const trust = ["--cafile", ca.ca];
    const pair = ["--cert", edge.cert, "--key", edge.key];
    expect((await publisher(at, [...trust, ...pair, ...say])).code).toBe(0);
    expect(at.seen.map(({ client }) => client.user)).toEqual(["edge-1"]);
    expect((await publisher(at, [...trust, ...say])).code).not.toBe(0);
    expect(at.seen).toHaveLength(1);
  });
});

describe.skipIf(!present)("mosquitto's clients of MQTT 5", () => {
  const five = ["-V", "mqttv5"];
  // CONNACK and SUBACK with their properties.
  const told = 20 + 6;

  it.each([0, 1, 2])("QoS %i with properties", async (qos) => {
    await using at = await running();
    const format = ["-C", "1", "-F", "<%t|%p|%C|%P|%R>"];
    const args = [...five, "-i", "city", "-t", `${root}/#`, "-q", `${qos}`, ...format];
    using sub = await subscriber(at, args, told);
    const properties = [
      ["-D", "publish", "content-type", "text/plain"],
      ["-D", "publish", "user-property", "by", "hand"],
      ["-D", "publish", "response-topic", "a/b"],
    ].flat();
    const sent = [...five, "-t", topic, "-q", `${qos}`, "-m", "hello °C", ...properties];
    expect((await publisher(at, sent)).code).toBe(0);
    expect(await sub.ended).toBe(0);
    expect(sub.output()).toContain(`<${topic}|hello °C|text/plain|by:hand|a/b>`);
  });

  it("a request and its response", async () => {
    await using at = await running();
    const answers = `${root}/client/asker/event`;
    const server = await at.connect({ protocolVersion: 5 });
    await server.subscribeAsync(topic, { qos: 1 });
    server.on("message", (_topic, payload, { properties }) => {
      const { responseTopic = "", correlationData } = properties ?? {};
      const reply = correlationData === undefined ? {} : { properties: { correlationData } };
      server.publish(responseTopic, `to ${payload.toString()}`, { qos: 1, ...reply });
    });
    const args = ["-t", topic, "-e", answers, "-m", "question", "-q", "1", "-W", "10"];
    using peer = start(at, "mosquitto_rr", [...five, ...args]);
    expect(await peer.ended).toBe(0);
    expect(peer.output()).toContain("to question");
  });

  it("learns why it is refused", async () => {
    const users = { edge: { password: "e", role: "agent" } };
    await using at = await running({ users });
    const foreign = "rackstreet/v1/local/other/hall/power/pdu-1/event";
    const login = [...five, "-u", "edge", "-P", "e"];
    const pub = await publisher(at, [...login, "-t", foreign, "-m", "x", "-q", "1", "-d"]);
    expect(pub.output).toMatch(/not authori[sz]ed/i);
    const wrong = await publisher(at, [...five, "-u", "edge", "-P", "?", "-t", topic, "-m", "x"]);
    expect(wrong.output).toMatch(/not authori[sz]ed/i);
    const shared = [...login, "-t", "$share/g/rackstreet/v1/#", "-d", "-W", "2"];
    using sub = start(at, "mosquitto_sub", shared);
    await sub.ended;
    expect(sub.output()).toContain("158");
  });
});
