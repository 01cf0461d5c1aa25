/** Strictness: each clause of MQTT 3.1.1 that the guard holds, by its mark. */
import { describe, expect, it } from "vitest";
import { Framer } from "../../broker/framer.ts";
import type { Fault } from "../../broker/packets.ts";
import type { ConnectParts } from "./wire.ts";
import { connect, field, packet, ping, publish1 } from "./wire.ts";

function faultOf(...packets: readonly Buffer[]): Fault | undefined {
  const framer = new Framer({ connect: 8192, packet: 70_000 });
  for (const bytes of packets) {
    for (const { fault } of [framer.feed(bytes), framer.release()]) {
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

const bad = {
  zero: Buffer.from("a\0b"),
  surrogate: Buffer.from([0x61, 0xed, 0xa0, 0x80]),
  overlong: Buffer.from([0xc0, 0xaf]),
  control: Buffer.from("a\nb"),
};

describe("CONNECT", () => {
  const cases: readonly (readonly [string, ConnectParts, Fault | undefined])[] = [
    ["plain", {}, undefined],
    ["3.1", { name: "MQIsdp", level: 3 }, undefined],
    ["a bridge", { level: 0x84 }, undefined],
    ["another protocol [MQTT-3.1.2-1]", { name: "HTTP" }, { reason: "protocol" }],
    ["version 5 [MQTT-3.1.2-2]", { level: 5 }, { reason: "protocol", connack: 1 }],
    ["reserved flag [MQTT-3.1.2-3]", { flags: 3 }, { reason: "flags" }],
    ["will QoS without will [MQTT-3.1.2-13]", { flags: 0x0a }, { reason: "flags" }],
    ["will retain without will [MQTT-3.1.2-15]", { flags: 0x22 }, { reason: "flags" }],
    ["will QoS 3 [MQTT-3.1.2-14]", { flags: 0x1e }, { reason: "qos" }],
    ["password without user [MQTT-3.1.2-22]", { flags: 0x42 }, { reason: "flags" }],
    ["no client id, session kept [MQTT-3.1.3-8]", { flags: 0, fields: [field("")] }, id()],
    ["no client id, clean [MQTT-3.1.3-6]", { fields: [field("")] }, undefined],
    ["U+0000 in the client id [MQTT-1.5.3-2]", { fields: [field(bad.zero)] }, text()],
    ["a surrogate in the client id [MQTT-1.5.3-1]", { fields: [field(bad.surrogate)] }, text()],
    ["ill-formed user", { flags: 0x82, fields: [field("c"), field(bad.overlong)] }, text()],
    ["a will", { flags: 0x06, fields: [field("c"), field("t"), field("m")] }, undefined],
    ["wildcard will", { flags: 6, fields: [field("c"), field("#"), field("m")] }, topic()],
    ["will without message", { flags: 6, fields: [field("c"), field("t")] }, malformed()],
    ["bytes behind the end", { fields: [field("c"), field("d")] }, malformed()],
    ["a field cut off", { fields: [field("abc").subarray(0, 3)] }, malformed()],
    ["no payload", { fields: [] }, malformed()],
  ];
  it.each(cases)("%s", (_name, parts, fault) => {
    expect(faultOf(connect(parts))).toEqual(fault);
  });

  it("cut off anywhere inside is malformed or refused", () => {
    const body = connect({ flags: 0x86, fields: [field("c"), field("t"), field("m"), field("u")] });
    for (let end = 2; end < body.length; end += 1) {
      expect(faultOf(packet(0x10, body.subarray(2, end))), `at ${end}`).toBeDefined();
    }
  });
});

describe("later packets", () => {
  const name = field("a/b");
  const cases: readonly (readonly [string, Buffer, Fault | undefined])[] = [
    ["publish", publish1("a/b", 1), undefined],
    ["publish QoS 3 [MQTT-3.3.1-4]", packet(0x36, name, [0, 1]), { reason: "qos" }],
    ["publish QoS 0 with DUP [MQTT-3.3.1-2]", packet(0x38, name), { reason: "flags" }],
    ["publish id 0 [MQTT-2.3.1-1]", publish1("a/b", 0), { reason: "packet_id" }],
    ["publish with + [MQTT-3.3.2-2]", packet(0x30, field("a/+")), topic()],
    ["publish with # [MQTT-3.3.2-2]", packet(0x30, field("#")), topic()],
    ["publish to nothing [MQTT-4.7.3-1]", packet(0x30, field("")), topic()],
    ["publish with U+0000 [MQTT-4.7.3-2]", packet(0x30, field(bad.zero)), text()],
    ["publish with control characters [MQTT 1.5.3]", packet(0x30, field(bad.control)), text()],
    ["publish with a BOM [MQTT-1.5.3-3]", packet(0x30, field("\ufeffa")), undefined],
    ["publish, topic cut off", packet(0x30, [0, 9, 0x61]), malformed()],
    ["publish, no id", packet(0x32, name), malformed()],
    ["puback", packet(0x40, [0, 1]), undefined],
    ["puback id 0", packet(0x40, [0, 0]), { reason: "packet_id" }],
    ["puback too long", packet(0x40, [0, 1, 0]), malformed()],
    ["pubrel without its flags [MQTT-2.2.2-1]", packet(0x60, [0, 1]), flags()],
    ["subscribe without its flags [MQTT-3.8.1-1]", packet(0x80, [0, 1], name, [0]), flags()],
    ["subscribe to nothing [MQTT-3.8.3-3]", packet(0x82, [0, 1]), malformed()],
    ["subscribe QoS 3 [MQTT-3.8.3-4]", packet(0x82, [0, 1], name, [3]), { reason: "qos" }],
    ["subscribe without QoS", packet(0x82, [0, 1], name, name), malformed()],
    ["subscribe, misplaced #", packet(0x82, [0, 1], field("#/a"), [0]), topic()],
    ["subscribe id 0", packet(0x82, [0, 0], name, [0]), { reason: "packet_id" }],
    ["unsubscribe", packet(0xa2, [0, 1], name), undefined],
    ["unsubscribe nothing [MQTT-3.10.3-2]", packet(0xa2, [0, 1]), malformed()],
    ["ping with a body", packet(0xc0, [0]), malformed()],
    ["disconnect with flags [MQTT-3.14.1-1]", packet(0xe1), flags()],
    ["a server's CONNACK", packet(0x20, [0, 0]), { reason: "direction" }],
    ["type 0", packet(0x00), { reason: "direction" }],
    ["type 15", packet(0xf0), { reason: "direction" }],
  ];
  it.each(cases)("%s", (_name, bytes, fault) => {
    expect(faultOf(connect(), bytes)).toEqual(fault);
  });

  it("256 filters in a SUBSCRIBE, not 257", () => {
    const [most, tooMany] = [256, 257].map((count) =>
      packet(0x82, [0, 1], Buffer.from("00016100".repeat(count), "hex")),
    );
    expect(faultOf(connect(), most ?? ping)).toBeUndefined();
    expect(faultOf(connect(), tooMany ?? ping)).toEqual(malformed());
  });

  it("a topic of 65,535 slashes is well-formed", () => {
    expect(faultOf(connect(), packet(0x30, field("/".repeat(65_535))))).toBeUndefined();
  });
});

function text(): Fault {
  return { reason: "text" };
}
function topic(): Fault {
  return { reason: "topic" };
}
function flags(): Fault {
  return { reason: "flags" };
}
function malformed(): Fault {
  return { reason: "malformed" };
}
function id(): Fault {
  return { reason: "client_id", connack: 2 };
}
