/** What aedes keeps of a client, made smaller: packets are still read, and nothing else stays. */
import { parser } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { connectPacket, publishPacket } from "../../broker/escape/wire.ts";
import { forgetHello, lighten } from "../../broker/lean.ts";

const hello = connectPacket({ id: "c", clean: true, user: "u", password: "a secret" });

/** What aedes' client has of it. */
function client() {
  const packets: unknown[] = [];
  let watched = true;
  const reader = parser();
  reader.on("packet", (packet: unknown) => packets.push(packet));
  const made = { _parser: reader, _eos: () => (watched = false) };
  return { made, packets, watched: () => watched };
}

describe("a lightened client", () => {
  it("reads packets however they are cut", () => {
    const { made, packets } = client();
    lighten(made);
    const publish = publishPacket("a/b", "payload", { id: 7, retain: false });
    for (const byte of Buffer.concat([hello, publish])) made._parser.parse(Buffer.from([byte]));
    expect(packets).toMatchObject([
      { cmd: "connect", clientId: "c" },
      { cmd: "publish", topic: "a/b", messageId: 7, payload: Buffer.from("payload") },
    ]);
  });

  it("watches its connection no more, and may be told so again", () => {
    const { made, watched } = client();
    lighten(made);
    expect(watched()).toBe(false);
    expect(made._eos()).toBeUndefined();
  });

  it("keeps the version of its CONNECT, not the password", () => {
    const { made } = client();
    const hellos = new WeakMap<object, unknown>([[made, {}]]);
    made._parser.parse(hello);
    forgetHello(made, hellos);
    expect(Reflect.get(made._parser, "settings")).toEqual({
      protocolVersion: 4,
      bridgeMode: false,
    });
    expect(hellos.has(made)).toBe(false);
  });

  it("is refused when the library is another", () => {
    expect(() => lighten({})).toThrow("aedes has no _parser");
  });
});
