/** Bytes of MQTT 5 against a hub: a wrong packet ends one connection, with its reason. */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Running } from "../running.ts";
import { hearing, running } from "../running.ts";
import { disconnect, field, packet, ping } from "../wire.ts";

const none = [0];
const topic = "rackstreet/v1/local/main/hall/power/pdu-1/event";

/** CONNECT: flags, properties, client identifier and what follows. */
function hello(
  flags = 2,
  properties: readonly number[] = none,
  ...fields: readonly Buffer[]
): Buffer {
  const rest = fields.length === 0 ? [field("client-5")] : fields;
  return packet(0x10, field("MQTT"), [5, flags, 0, 60], properties, ...rest);
}

function publish(properties: readonly number[], text = topic): Buffer {
  return packet(0x32, field(text), [0, 1], properties, Buffer.from("x"));
}

function subscribe(properties: readonly number[], options: number, filter = topic): Buffer {
  return packet(0x82, [0, 1], properties, field(filter), [options]);
}

describe("wrong packets of MQTT 5", () => {
  let at: Running;
  beforeAll(async () => {
    at = await running();
  });
  afterAll(async () => {
    await at[Symbol.asyncDispose]();
  });

  /** What a client hears that says these bytes. */
  async function answer(bytes: Buffer): Promise<Buffer> {
    const socket = await at.socket();
    const heard = hearing(socket);
    socket.write(bytes);
    await vi.waitFor(() => expect(socket.destroyed).toBe(true));
    return heard();
  }

  it.each([
    ["an enhanced authentication", hello(2, [9, 0x15, 0, 6, ...Buffer.from("SCRAM1")]), 0x8c],
    ["a receive maximum of 0 [MQTT5 3.1.2.11]", hello(2, [3, 0x21, 0, 0]), 0x82],
    ["a property twice [MQTT5 2.2.2.2]", hello(2, [6, 0x21, 0, 1, 0x21, 0, 1]), 0x82],
    ["a property of another packet", hello(2, [2, 0x01, 1]), 0x82],
    ["an unknown property", hello(2, [2, 0x7f, 1]), 0x81],
    ["properties that are cut off", hello(2, [40]), 0x81],
    ["a client id with U+0000", hello(2, none, field("a\0b")), 0x81],
    ["a reserved flag", hello(3), 0x81],
    [
      "a will QoS 3",
      hello(0x1e, none, field("c"), Buffer.from(none), field(topic), field("x")),
      0x81,
    ],
  ])("CONNECT with %s is refused [MQTT5 3.1]", async (_what, bytes, code) => {
    expect([...(await answer(bytes)).subarray(0, 4)]).toEqual([0x20, expect.any(Number), 0, code]);
  });

  it.each([
    ["a topic alias too high", publish([3, 0x23, 0, 17]), 0x94],
    ["an alias that was never said", publish([3, 0x23, 0, 3], ""), 0x82],
    ["neither topic nor alias", publish(none, ""), 0x82],
    ["a subscription identifier in PUBLISH", publish([2, 0x0b, 1]), 0x82],
    ["a wildcard in a response topic", publish([4, 0x08, 0, 1, 0x23]), 0x81],
    ["ill-formed text in a user property", publish([6, 0x26, 0, 1, 0xff, 0, 0]), 0x81],
    ["a wildcard in a topic", publish(none, "a/#"), 0x90],
    ["a subscription identifier", subscribe([2, 0x0b, 1], 0), 0xa1],
    ["retain handling 3", subscribe(none, 0x30), 0x81],
    ["QoS 3", subscribe(none, 3), 0x81],
    ["No Local on a shared subscription [MQTT5-3.8.3-4]", subscribe(none, 4, "$share/g/t"), 0x82],
    ["AUTH", packet(0xf0, [0x18, 0]), 0x82],
    ["a second CONNECT", hello(), 0x82],
    [
      "a session to keep that there never was [MQTT5-3.14.2-2]",
      packet(0xe0, [0, 5, 0x11, 0, 0, 0, 9]),
      0x82,
    ],
    ["a packet too large", Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), 0x95],
  ])("%s ends the connection", async (_what, bytes, code) => {
    const heard = await answer(Buffer.concat([hello(), bytes]));
    const last = heard.subarray(heard.indexOf(0xe0, 4 + (heard[1] ?? 0) - 2));
    expect([last[0], last[2]]).toEqual([0xe0, code]);
  });

  it("hinder none that came before the end, let in late", async () => {
    const socket = await at.socket();
    socket.resume();
    socket.end(Buffer.concat([hello(), publish(none)]));
    await vi.waitFor(() => expect(at.seen.map((one) => one.topic)).toEqual([topic]));
  });

  it("end the session of who wanted none to outlive the connection", async () => {
    // Clean Start 0 without an expiry.
    const start = hello(0);
    const socket = await at.socket();
    socket.resume();
    socket.write(Buffer.concat([start, subscribe(none, 1), packet(0xf0, [0x18, 0])]));
    await vi.waitFor(() => expect(socket.destroyed).toBe(true));
    const again = await at.socket();
    const heard = hearing(again);
    again.write(start);
    // CONNACK: no session present.
    await vi.waitFor(() => expect([heard()[0], heard()[2]]).toEqual([0x20, 0]));
    again.destroy();
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(0));
  });

  it("hurt nobody else, whatever they are", async () => {
    const witness = await at.connect({ protocolVersion: 5 });
    const before = at.hub.counters.connections;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(
          publish([3, 0x23, 0, 1]),
          subscribe(none, 1),
          packet(0xa2, [0, 3], none, field(topic)),
          packet(0x40, [0, 1, 0x10, 0]),
          packet(0x50, [0, 1, 0x87]),
        ),
        fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 4 }),
        async (good, changes) => {
          const bytes = Buffer.from(good);
          for (const [place, byte] of changes) bytes[place % bytes.length] = byte;
          const socket = await at.socket();
          socket.resume();
          socket.end(Buffer.concat([hello(), bytes, ping, disconnect]));
          await vi.waitFor(() => expect(socket.destroyed).toBe(true));
        },
      ),
      { numRuns: 150 },
    );
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(before));
    expect(witness.connected).toBe(true);
    await witness.subscribeAsync(topic);
  });
});
