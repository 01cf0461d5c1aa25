/** What waits for a client: whatever comes, its order, its identifiers and its bounds hold. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Packet } from "../../broker/session-queue.ts";
import { SessionQueue } from "../../broker/session-queue.ts";

type Step = readonly ["add" | "send" | "take" | "release" | "follow" | "withdraw", number];

const steps = fc.array(
  fc.tuple(
    fc.constantFrom("add", "send", "take", "release", "follow", "withdraw"),
    fc.nat({ max: 30 }),
  ),
  { maxLength: 200 },
);

const message = (n: number): Packet => ({
  topic: "a",
  payload: Buffer.from(`${n}`),
  qos: (n % 2) + 1,
  brokerId: "hub",
  brokerCounter: n,
});

it("keeps order and identifiers, and tells what it keeps", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const told = new Map<number, Packet>();
      const queue = new SessionQueue((seq, packet) => {
        if (packet === undefined) told.delete(seq);
        else told.set(seq, packet);
      });
      const limits = { messages: 10, bytes: 1e6 };
      let count = 0;
      const run = ([step, n]: Step): void => {
        const some = queue.packets[n % Math.max(1, queue.packets.length)];
        if (step === "add") queue.add(message((count += 1)), limits);
        else if (step === "follow") queue.after(n - 1);
        else if (some === undefined) return;
        else if (step === "send") queue.send(some);
        else if (step === "withdraw") queue.withdraw(some);
        else if (step === "take") queue.take({ messageId: some.messageId });
        else queue.update({ cmd: "pubrel", messageId: some.messageId });
      };
      for (const step of all) {
        run(step);
        const { packets } = queue;
        const ids = packets.flatMap(({ messageId }) => messageId ?? []);
        expect(new Set(ids).size).toBe(ids.length);
        const numbers = packets.flatMap(({ cmd, brokerCounter = 0 }) =>
          cmd === "pubrel" ? [] : brokerCounter,
        );
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        // What is on its way is never given up; what waits is bounded.
        expect(packets.length - ids.length).toBeLessThanOrEqual(10);
        expect([...told.entries()].toSorted(([a], [b]) => a - b).map(([, one]) => one)).toEqual(
          packets,
        );
      }
      queue.clear();
      expect([queue.packets, told.size]).toEqual([[], 0]);
    }),
  );
});
