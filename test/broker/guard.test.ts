/** The guard between two ends of a pair in memory, under a clock that stands still. */
import { Duplex, duplexPair } from "node:stream";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Counters } from "../../broker/counters.ts";
import { Guard } from "../../broker/guard.ts";
import { StillClock } from "./platform.ts";
import { connackOk, connect, ping, publish, publish1 } from "./wire.ts";

interface Bench {
  readonly guard: Guard;
  readonly peer: Duplex;
  readonly counters: Counters;
  readonly clock: StillClock;
  /** What came out of the guard, towards the broker. */
  readonly in: () => Buffer;
  /** What the peer received. */
  readonly out: () => Buffer;
}

function bench(egress = 1000): Bench {
  const [stream, peer] = duplexPair();
  const counters = new Counters();
  const clock = new StillClock();
  const guard = new Guard(stream, { packet: 4096, egress, clock, counters });
  const inwards: Buffer[] = [];
  const outwards: Buffer[] = [];
  guard.on("data", (bytes: Buffer) => inwards.push(bytes));
  guard.on("error", () => undefined);
  peer.on("data", (bytes: Buffer) => outwards.push(bytes));
  peer.on("error", () => undefined);
  return {
    guard,
    peer,
    counters,
    clock,
    in: () => Buffer.concat(inwards),
    out: () => Buffer.concat(outwards),
  };
}

describe("inwards", () => {
  it("passes CONNECT, and the rest once the client is let in", async () => {
    const { guard, peer, in: passed } = bench();
    const rest = Buffer.concat([ping, publish("a/b")]);
    peer.write(Buffer.concat([connect(), rest]));
    await vi.waitFor(() => expect(passed()).toEqual(connect()));
    guard.admit();
    peer.write(ping);
    await vi.waitFor(() => expect(passed()).toEqual(Buffer.concat([connect(), rest, ping])));
    peer.end();
    await vi.waitFor(() => expect(guard.readableEnded).toBe(true));
  });

  it("ends after what came before the end, let in late", async () => {
    const { guard, peer, in: passed } = bench();
    peer.end(Buffer.concat([connect(), publish("a")]));
    await vi.waitFor(() => expect(passed()).toEqual(connect()));
    guard.admit();
    await vi.waitFor(() => expect(guard.readableEnded).toBe(true));
    expect(passed()).toEqual(Buffer.concat([connect(), publish("a")]));
  });

  it("waits 10 s for a CONNECT that drips, and no longer", async () => {
    const { guard, peer, clock, counters } = bench();
    for (const byte of connect().subarray(0, -1)) {
      peer.write(Buffer.from([byte]));
      clock.advance(100);
    }
    clock.advance(10_000 - clock.now() - 1);
    expect(guard.destroyed).toBe(false);
    clock.advance(1);
    expect(guard.destroyed).toBe(true);
    expect(counters.cut).toEqual({ connect_timeout: 1 });
    await vi.waitFor(() => expect(peer.readableEnded || peer.destroyed).toBe(true));
  });

  it("forgets the deadline once CONNECT is there", async () => {
    const { guard, peer, clock, in: passed } = bench();
    peer.write(connect());
    await vi.waitFor(() => expect(passed()).toEqual(connect()));
    expect(clock.pending).toBe(0);
    clock.advance(60_000);
    expect(guard.destroyed).toBe(false);
  });

  it("closes on a fault and counts it; a client of version 5 is told [MQTT-3.1.2-2]", async () => {
    const { guard, peer, counters, out } = bench();
    peer.write(connect({ level: 5 }));
    await vi.waitFor(() => expect(guard.destroyed).toBe(true));
    expect(counters.cut).toEqual({ protocol: 1 });
    await vi.waitFor(() => expect(out()).toEqual(Buffer.from([0x20, 2, 0, 1])));
  });

  it("closes on any garbage, without a throw", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), async (bytes) => {
        const { guard, peer, counters, clock, in: passed } = bench();
        peer.write(Buffer.from(bytes));
        await new Promise((resolve) => setImmediate(resolve));
        clock.advance(10_000);
        expect(guard.destroyed).toBe(true);
        expect(Object.values(counters.cut)).toEqual([1]);
        expect(passed().length).toBe(0);
      }),
    );
  });

  it("is gone when the socket is reset", async () => {
    const { guard, peer } = bench();
    peer.destroy();
    await vi.waitFor(() => expect(guard.destroyed || guard.readableEnded).toBe(true));
  });
});

describe("outwards", () => {
  it("says yes to each write and lets the packets of a turn leave together", async () => {
    const chunks: Buffer[] = [];
    const stream = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        chunks.push(chunk);
        done();
      },
    });
    const guard = new Guard(stream, {
      packet: 4096,
      egress: 1000,
      clock: new StillClock(),
      counters: new Counters(),
    });
    for (const piece of [Buffer.from([0x30]), Buffer.from([4]), Buffer.from([0, 1]), "a", "x"]) {
      expect(guard.write(piece)).toBe(true);
    }
    expect(guard.write(ping)).toBe(true);
    expect(chunks).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(chunks).toEqual([Buffer.concat([publish("a"), ping])]);
  });

  it("sheds QoS 0 to a frozen client from half its budget, and cuts it at the whole", async () => {
    const stream = new Duplex({ read: () => undefined, write: () => undefined });
    stream.on("error", () => undefined);
    const counters = new Counters();
    const clock = new StillClock();
    const guard = new Guard(stream, { packet: 4096, egress: 1000, clock, counters });
    const message = publish("a", Buffer.alloc(95));
    for (let i = 0; i < 50; i += 1) {
      expect(guard.write(message)).toBe(true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(guard.destroyed).toBe(false);
    expect(stream.writableLength).toBe(600);
    expect(counters.shed).toBe(44);
    const important = publish1("a", 1, Buffer.alloc(93));
    for (let i = 0; i < 10 && !guard.destroyed; i += 1) guard.write(important);
    expect(guard.destroyed).toBe(true);
    expect(counters.cut).toEqual({ egress: 1 });
    expect(stream.destroyed).toBe(true);
    expect(guard.write(ping)).toBe(true);
  });

  it("lets a refusal leave before it closes", async () => {
    const { guard, out } = bench();
    guard.write(connackOk);
    guard.destroy();
    await vi.waitFor(() => expect(out()).toEqual(connackOk));
  });
});
