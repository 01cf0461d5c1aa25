/** What hubs of a region say to each other, as bytes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Riders } from "../../broker/mqtt5/index.ts";
import type { Told } from "../../broker/redis/records.ts";
import { decodeRecords, encodeRecord } from "../../broker/redis/records.ts";

const riders = new Riders(() => 0);
const bytes = fc.uint8Array({ maxLength: 40 }).map((some) => Buffer.from(some));
const publish = fc
  .record({
    topic: fc.string(),
    payload: bytes,
    qos: fc.constantFrom(0, 1, 2),
    retain: fc.boolean(),
    brokerCounter: fc.nat(),
  })
  .map((packet): Told => {
    const more = { cmd: "publish", dup: false, brokerId: "a" };
    return { kind: "publish", packet: { ...packet, ...more }, at: undefined };
  });
const told = fc.oneof(
  publish,
  fc.record({
    kind: fc.constant("subscriptions" as const),
    topic: fc.string(),
    body: fc.string(),
  }),
  fc.record({
    kind: fc.constant("book" as const),
    client: fc.string(),
    entry: fc.option(fc.string(), { nil: null }),
  }),
);

describe("records", () => {
  it("carry what rides on a publish of MQTT 5", () => {
    const payload = Buffer.from("x");
    const rider = { properties: Buffer.from([1, 1]), until: 5 };
    riders.seat(payload, rider);
    const record = encodeRecord({ kind: "publish", packet: { topic: "t", payload } }, riders);
    const others = new Riders(() => 0);
    const [told] = decodeRecords(record, "a", others);
    expect(told?.kind === "publish" && others.of(told.packet.payload)).toEqual(rider);
  });

  it("come back as they were told, in order", () => {
    fc.assert(
      fc.property(fc.array(told), (all) => {
        const packed = Buffer.concat(all.map((one) => encodeRecord(one, riders)));
        expect([...decodeRecords(packed, "a", riders)]).toEqual(all);
      }),
    );
  });

  it("say nothing where they are cut, or of another version, and the rest as it was", () => {
    fc.assert(
      fc.property(fc.array(told, { minLength: 1 }), fc.nat(), (all, at) => {
        const packed = Buffer.concat(all.map((one) => encodeRecord(one, riders)));
        const cut = packed.subarray(0, at % packed.length);
        const found = [...decodeRecords(cut, "a", riders)];
        expect(found).toEqual(all.slice(0, found.length));
        expect(found.length).toBeLessThan(all.length);
      }),
    );
    const strange = Buffer.from(encodeRecord({ kind: "book", client: "c", entry: null }, riders));
    strange.write('{"k":"x"', 8);
    const known = encodeRecord({ kind: "book", client: "d", entry: null }, riders);
    const found = [...decodeRecords(Buffer.concat([strange, known]), "a", riders)];
    expect(found).toEqual([{ kind: "book", client: "d", entry: null }]);
  });

  it("are decoded from any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (some) => {
        for (const one of decodeRecords(some, "a", riders)) expect(one.kind).toBeTypeOf("string");
      }),
    );
  });
});
