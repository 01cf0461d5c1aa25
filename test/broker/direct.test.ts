/** Messages that do not go by aedes are the same on the wire, in the same order. */
import fc from "fast-check";
import { generate } from "mqtt-packet";
import { describe, expect, it, vi } from "vitest";
import type { Live } from "../../broker/direct.ts";
import { Direct } from "../../broker/direct.ts";
import { inbox, running } from "./running.ts";

const root = "rackstreet/v1/local/main/hall/power/pdu-1";

/** A guard that keeps what is written. */
function way(front?: object) {
  const pieces: Buffer[] = [];
  return { front, pieces, write: (piece: Buffer) => pieces.push(piece) > 0 };
}

function live(more: Partial<Live> = {}): Live {
  return { topic: "a/b", payload: Buffer.from("x"), qos: 0, retain: false, brokerId: "b", ...more };
}

/** All that was taken has left. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const publishes = fc.record({
  topic: fc.string({ minLength: 1, maxLength: 300, unit: "grapheme" }),
  payload: fc
    .oneof(fc.nat(300), fc.constantFrom(1023, 1024, 1025, 16_384, 2_100_000))
    .map((size) => Buffer.alloc(size, "payload")),
  dup: fc.boolean(),
  // Packet identifiers of who hears it at QoS 1 or 2; at QoS 0 they do not count.
  hearers: fc.array(
    fc.record({
      qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
      messageId: fc.integer({ min: 1, max: 65_535 }),
      version5: fc.boolean(),
    }),
    { maxLength: 8 },
  ),
});

describe("a message to many", () => {
  it("is to each what the codec writes [MQTT 3.3]", async () => {
    const several = fc.array(publishes, { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(several, async (messages) => {
        const direct = new Direct();
        const heard = messages.flatMap(({ hearers, ...message }) =>
          hearers.map(({ version5, ...hearer }) => {
            const to = way(version5 ? {} : undefined);
            expect(direct.takes(to, live({ ...message, ...hearer }), true)).toBe(true);
            return { to, message, hearer };
          }),
        );
        await turn();
        for (const { to, message, hearer } of heard) {
          const wanted = generate({ cmd: "publish", retain: false, ...message, ...hearer });
          expect(Buffer.concat(to.pieces).equals(wanted)).toBe(true);
          if (to.front !== undefined) expect(to.pieces.at(-1)).toBe(message.payload);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("goes by aedes to sessions, and when it was retained", () => {
    const direct = new Direct();
    expect(direct.takes(way(), live(), false)).toBe(false);
    expect(direct.takes(way(), live({ retain: true }), true)).toBe(false);
    expect(direct.takes(way(), live({ payload: "text" }), true)).toBe(false);
  });

  it("stays behind what went by aedes before it", async () => {
    const direct = new Direct();
    const order: string[] = [];
    const to = { front: undefined, write: (piece: Buffer) => order.push(piece.toString()) > 0 };
    const send = (text: string, retain: boolean): void => {
      const taken = direct.takes(to, live({ payload: Buffer.from(text), retain }), true);
      if (!taken) setImmediate(() => order.push(text));
    };
    for (const [n, retain] of [false, false, true, false, true, true, false].entries()) {
      send(`${n}`, retain);
    }
    await turn();
    expect(order.map((text) => text.at(-1))).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
  });
});

describe("a hub", () => {
  it("brings short and long messages to all, of each QoS and version", async () => {
    await using at = await running();
    const texts = ["", "short", "l".repeat(2000)];
    const wanted = texts.map((text) => `${root}/event ${text}`);
    const kinds = ([0, 1, 2] as const).flatMap((qos) =>
      ([4, 5] as const).flatMap((protocolVersion) =>
        [true, false].map((clean) => ({ qos, protocolVersion, clean })),
      ),
    );
    const boxes = await Promise.all(
      kinds.map(async ({ qos, ...options }, n) => {
        const reader = await at.connect({ ...options, clientId: `reader-${n}` });
        const box = inbox(reader);
        await reader.subscribeAsync(`${root}/#`, { qos });
        return box;
      }),
    );
    const writer = await at.connect();
    for (const text of texts) await writer.publishAsync(`${root}/event`, text, { qos: 2 });
    for (const box of boxes) await vi.waitFor(() => expect(box).toEqual(wanted));
    expect(at.hub.counters.cut).toEqual({});
  });
});
