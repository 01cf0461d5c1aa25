/** The framer: the same packets however the stream is split, and no bytes that throw. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Framer } from "../../broker/framer.ts";
import type { Fault } from "../../broker/packets.ts";
import { connect, disconnect, field, packet, ping, publish, publish1, subscribe } from "./wire.ts";

const limits = { connect: 8192, packet: 4096 };

/** What a stream comes to, let in as soon as it has said CONNECT. */
function run(chunks: readonly Buffer[]): { bytes: Buffer; fault: Fault | undefined } {
  const framer = new Framer(limits);
  const out: Buffer[] = [];
  let fault: Fault | undefined;
  for (const chunk of chunks) {
    for (const framed of [framer.feed(chunk), framer.release()]) {
      out.push(...framed.whole.map((bytes) => Buffer.from(bytes)));
      fault ??= framed.fault;
    }
  }
  return { bytes: Buffer.concat(out), fault };
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
  places.sort((a, b) => a - b);
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

const body = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
const topic = fc.constantFrom("a", "a/b", "rackstreet/v1/x", "größe/°C");
const later = fc.oneof(
  fc.tuple(topic, body).map(([name, payload]) => publish(name, payload)),
  fc
    .tuple(topic, fc.integer({ min: 1, max: 65_535 }), body)
    .map(([name, id, payload]) => publish1(name, id, payload)),
  topic.map((name) => subscribe(`${name}/#`, 1)),
  fc.constant(ping),
  fc.constant(packet(0x40, [0, 7])),
);
const stream = fc
  .array(later, { maxLength: 12 })
  .map((packets) => Buffer.concat([connect(), ...packets, disconnect]));

describe("a valid stream", () => {
  it("gives the same bytes whole, at each byte, and split anywhere", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), (bytes, cuts) => {
        const whole = { bytes, fault: undefined };
        expect(run([bytes])).toEqual(whole);
        expect(run(split(bytes, cuts))).toEqual(whole);
      }),
    );
    const bytes = Buffer.concat([connect(), publish("a/b", Buffer.alloc(500)), ping]);
    expect(run([...bytes].map((byte) => Buffer.from([byte])))).toEqual({ bytes, fault: undefined });
  });

  it("passes only whole packets when truncated", () => {
    const first = connect();
    const second = publish("a/b", Buffer.alloc(300));
    const bytes = Buffer.concat([first, second]);
    for (let end = 0; end < bytes.length; end += 1) {
      const { bytes: passed, fault } = run([bytes.subarray(0, end)]);
      expect(fault).toBeUndefined();
      expect(passed.length).toBe(end < first.length ? 0 : first.length);
    }
  });

  it("is over when it begins again [MQTT-3.1.0-2]", () => {
    expect(run([connect(), connect()]).fault).toEqual({ reason: "second_connect" });
  });
});

describe("any bytes", () => {
  it("end in packets or a fault, never in a throw", () => {
    fc.assert(
      fc.property(fc.array(body, { maxLength: 6 }), fc.boolean(), (chunks, connected) => {
        run(connected ? [connect(), ...chunks] : chunks);
      }),
      { numRuns: 2000 },
    );
  });

  it("corrupted at any byte, pass nothing behind the fault", () => {
    const parts = [connect(), publish1("a/b", 5, "hello"), subscribe("a/#"), ping];
    const bytes = Buffer.concat(parts);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const wrong = Buffer.from(bytes);
        wrong[at] = (wrong[at] ?? 0) ^ mask;
        const { bytes: passed } = run([wrong]);
        expect(wrong.subarray(0, passed.length)).toEqual(passed);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("sizes", () => {
  it("judges 256 MB by five bytes, before and after CONNECT", () => {
    const huge = Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]);
    expect(run([Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])]).fault?.reason).toBe("oversize");
    expect(run([connect(), huge]).fault?.reason).toBe("oversize");
  });

  it("takes a packet of exactly the limit, and no larger one", () => {
    const fits = publish("a", Buffer.alloc(limits.packet - 6));
    expect(fits.length).toBe(limits.packet);
    expect(run([connect(), fits]).fault).toBeUndefined();
    const larger = publish("a", Buffer.alloc(limits.packet - 5));
    expect(run([connect(), larger]).fault?.reason).toBe("oversize");
  });

  it("refuses a length of more than four bytes [MQTT 2.2.3]", () => {
    const bytes = Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]);
    expect(run([connect(), bytes]).fault).toEqual({ reason: "length" });
    expect(run([connect(), ...[...bytes].map((b) => Buffer.from([b]))]).fault).toEqual({
      reason: "length",
    });
  });

  it("wants CONNECT first, by its first byte [MQTT-3.1.0-1]", () => {
    expect(run([Buffer.from("G")]).fault).toEqual({ reason: "first_packet" });
  });
});

describe("before the client is let in", () => {
  it("holds back what came behind CONNECT", () => {
    const framer = new Framer(limits);
    const first = connect();
    const rest = Buffer.concat([ping, publish("a")]);
    expect(framer.feed(Buffer.concat([first, rest])).whole).toEqual([first]);
    expect(framer.feed(ping)).toEqual({ whole: [], fault: undefined });
    expect(Buffer.concat(framer.release().whole)).toEqual(Buffer.concat([rest, ping]));
  });

  it("takes a CONNECT with the text of its fields", () => {
    const bytes = connect({ flags: 0xc2, fields: [field("c"), field("user"), field("secret")] });
    expect(run([bytes])).toEqual({ bytes, fault: undefined });
  });
});
