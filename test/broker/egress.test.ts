/** Egress: whole QoS 0 publishes are dropped above the soft limit, and nothing else ever. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Egress } from "../../broker/egress.ts";
import { packet, ping, publish, publish1 } from "./wire.ts";

function pieces(bytes: Buffer, size: number): Buffer[] {
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(bytes.subarray(at, at + size));
  return out;
}

const some = fc.array(
  fc.oneof(
    fc.nat(400).map((size) => publish("a/b", Buffer.alloc(size, 1))),
    fc.nat(400).map((size) => publish1("a/b", 3, Buffer.alloc(size, 2))),
    fc.constant(ping),
    fc.constant(packet(0x40, [0, 1])),
  ),
  { maxLength: 30 },
);

describe("egress", () => {
  it("passes all below the soft limit, whatever the pieces", () => {
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 9 }), (packets, size) => {
        const egress = new Egress({ soft: 1e6, hard: 2e6 });
        const bytes = Buffer.concat(packets);
        for (const piece of pieces(bytes, size)) expect(egress.offer(piece, 0)).toBe("taken");
        expect(Buffer.concat(egress.take())).toEqual(bytes);
        expect(egress.take()).toEqual([]);
      }),
    );
  });

  it("drops whole QoS 0 publishes above it, and only those", () => {
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 9 }), (packets, size) => {
        const egress = new Egress({ soft: 10, hard: 1e6 });
        for (const bytes of packets) for (const p of pieces(bytes, size)) egress.offer(p, 11);
        const kept = packets.filter((bytes) => bytes[0] !== 0x30);
        expect(Buffer.concat(egress.take())).toEqual(Buffer.concat(kept));
        expect(egress.dropped).toBe(packets.length - kept.length);
      }),
    );
  });

  it("keeps a packet whole when the limit is passed inside it", () => {
    const egress = new Egress({ soft: 10, hard: 1e6 });
    const bytes = publish("a/b", Buffer.alloc(100));
    for (const piece of pieces(bytes, 3)) egress.offer(piece, 0);
    expect(Buffer.concat(egress.take())).toEqual(bytes);
  });

  it("says when the hard limit is passed, waiting bytes included", () => {
    const egress = new Egress({ soft: 10, hard: 20 });
    expect(egress.offer(publish1("a", 1, "1234"), 0)).toBe("taken");
    expect(egress.offer(publish1("a", 1, "1234"), 0)).toBe("over");
    expect(new Egress({ soft: 10, hard: 20 }).offer(ping, 19)).toBe("over");
  });

  it("asks retained messages to wait, of any QoS, and drops none", () => {
    const egress = new Egress({ soft: 10, hard: 100 });
    for (const first of [0x31, 0x33]) {
      const bytes = packet(first, Buffer.from([0, 1, 0x61, 0, 1]));
      expect(egress.offer(bytes, 11)).toBe("wait");
      expect(Buffer.concat(egress.take())).toEqual(bytes);
    }
    expect(egress.offer(ping, 11)).toBe("taken");
    expect(egress.dropped).toBe(0);
  });

  it("joins small pieces and shares large ones", () => {
    const egress = new Egress({ soft: 1e6, hard: 1e6 });
    const large = Buffer.alloc(70_000);
    const packets = [publish("a"), packet(0x30, Buffer.from([0, 1, 0x61]), large), publish("b")];
    for (const bytes of packets) egress.offer(bytes, 0);
    const out = egress.take();
    expect(out.length).toBe(3);
    expect(out[1]?.buffer).toBe(packets[1]?.buffer);
    expect(Buffer.concat(out)).toEqual(Buffer.concat(packets));
  });
});
