/** Requests of a reading that are sent before their turn. */
import { describe, expect, it } from "vitest";
import { Ahead } from "../../../drivers/modbus/ahead.ts";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import { settle } from "../../virtual.ts";
import type { Behaviour } from "./world.ts";
import { codeOf, honest, never, openDevice, profileOf, startPeer, valueAt } from "./world.ts";

const spans = Array.from({ length: 6 }, (_, n): Span => ({ table: "holding", at: n, count: 1 }));

/** Requests that the test answers. */
function table(depth: number) {
  const sent: { readonly at: number; readonly signal: AbortSignal; answer(): void }[] = [];
  const state = { depth };
  const ahead = new Ahead({
    request: (span, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("aborted")));
        sent.push({ at: span.at, signal, answer: () => resolve(Uint16Array.of(span.at)) });
      }),
    depth: () => state.depth,
  });
  /** As the reader does: one after the other. */
  const read = (blocks: readonly Span[], signal = never): Promise<number[]> =>
    ahead.during(blocks, signal, async (both) => {
      const words: number[] = [];
      for (const block of blocks) words.push(...(await ahead.request(block, both)));
      return words;
    });
  return { ahead, sent, state, read, places: () => sent.map(({ at }) => at) };
}

describe("requests of a reading", () => {
  it("are as many on their way as the line takes, in order", async () => {
    const { read, sent, places } = table(3);
    const words = read(spans);
    expect(places()).toEqual([0, 1, 2]);
    sent[0]?.answer();
    await settle();
    expect(places()).toEqual([0, 1, 2, 3]);
    for (let index = 1; index < 6; index += 1) {
      sent[index]?.answer();
      await settle();
    }
    expect(await words).toEqual([0, 1, 2, 3, 4, 5]);
    expect(sent.some(({ signal }) => signal.aborted)).toBe(false);
  });

  it("go one by one where the line takes one, and when it comes to that", async () => {
    const { read, sent, state, places } = table(3);
    const words = read(spans);
    state.depth = 1;
    for (const [index, upTo] of [3, 3, 4, 5, 6, 6].entries()) {
      sent[index]?.answer();
      await settle();
      expect(places()).toHaveLength(upTo);
    }
    expect(await words).toHaveLength(6);
    const alone = read(spans.slice(0, 2));
    expect(places()).toHaveLength(7);
    sent[6]?.answer();
    await settle();
    sent[7]?.answer();
    expect(await alone).toEqual([0, 1]);
  });

  it("end with the reading when it gives up, and nobody hears of them", async () => {
    const { ahead, sent } = table(4);
    const reading = ahead.during(spans, never, async (signal) => {
      const first = ahead.request(spans[0] ?? { table: "coil", at: 0, count: 1 }, signal);
      sent[0]?.answer();
      await first;
      throw new Error("given up");
    });
    await expect(reading).rejects.toThrow("given up");
    expect(sent.map(({ signal }) => signal.aborted)).toEqual([true, true, true, true]);
    await settle();
  });

  it("end when the caller aborts", async () => {
    const { read, sent } = table(4);
    const abort = new AbortController();
    const words = codeOf(read(spans, abort.signal));
    abort.abort();
    expect(await words).toContain("aborted");
    expect(sent.every(({ signal }) => signal.aborted)).toBe(true);
  });
});

/** Fields far apart: a request each. */
const scattered = profileOf(
  { gap: 0 },
  Array.from({ length: 12 }, (_, n) => ({
    measurement: "thermal",
    tags: { sensor: String(n) },
    fields: { temp_c: { at: 200 * n } },
  })),
);

/** Answers in the next turn, and counts how many requests it had at once. */
function counting(): { readonly behaviour: Behaviour; readonly most: () => number } {
  let most = 0;
  let open = 0;
  return {
    behaviour: (request, link) => {
      open += 1;
      most = Math.max(most, open);
      setImmediate(() => {
        open -= 1;
        honest(request, link);
      });
    },
    most: () => most,
  };
}

describe("a device read over Modbus TCP", () => {
  it("is asked for more and more at once, and values stay right", async () => {
    const { behaviour, most } = counting();
    await using peer = await startPeer("tcp", behaviour);
    await using device = await openDevice({ address: peer.address }, scattered);
    const right = Array.from({ length: 12 }, (_, n) => valueAt(200 * n));
    for (let round = 0; round < 30; round += 1) {
      const { points } = await device.session.read(["default"], never);
      expect(points.map(({ fields }) => fields["temp_c"])).toEqual(right);
    }
    expect(most()).toBe(8);
    expect(peer.requests).toHaveLength(12 * 30);
  });

  it("is asked one at a time when the configuration says so", async () => {
    const { behaviour, most } = counting();
    await using peer = await startPeer("tcp", behaviour);
    await using device = await openDevice({ address: peer.address, outstanding: 1 }, scattered);
    for (let round = 0; round < 20; round += 1) await device.session.read(["default"], never);
    expect(most()).toBe(1);
  });
});
