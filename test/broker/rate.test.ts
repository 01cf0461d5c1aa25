/** Buckets of tokens: what passes in the long run, and what waits. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Rate } from "../../broker/rate.ts";
import { StillClock } from "./platform.ts";
import { inbox, running } from "./running.ts";

describe("a rate", () => {
  it("lets through what it allows, and a burst of ten seconds more", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 30 }),
        async (messages, seconds) => {
          const clock = new StillClock();
          const rate = new Rate({ messages }, clock);
          let passed = 0;
          let waiting = false;
          const go = (): void => {
            waiting = false;
          };
          for (let ms = 0; ms < seconds * 1000; ms += 10) {
            for (let turn = 0; turn < 5 && !waiting; turn += 1) {
              const room = rate.room();
              if (room === undefined) {
                rate.take(1);
                passed += 1;
              } else {
                waiting = true;
                void room.then(go);
              }
            }
            clock.advance(10);
            await Promise.resolve();
            await Promise.resolve();
          }
          const allowed = messages * (seconds + 10);
          expect(passed).toBeLessThanOrEqual(allowed + 1);
          const offered = seconds * 100 * 5;
          expect(passed).toBeGreaterThanOrEqual(Math.min(offered, allowed * 0.8 - messages) * 0.8);
        },
      ),
    );
  });

  it("lets what is larger than all of it pass, once", () => {
    const clock = new StillClock();
    const rate = new Rate({ bytes: 100 }, clock);
    expect(rate.room()).toBeUndefined();
    rate.take(5000);
    expect(rate.room()).toBeDefined();
    clock.advance(39_000);
    expect(rate.room()).toBeDefined();
    clock.advance(1100);
    expect(rate.room()).toBeUndefined();
  });
});

describe("an organisation that publishes too much", () => {
  const users = {
    noisy: { password: "n", role: "agent", site: "local/noisy/hall" },
    quiet: { password: "q", role: "agent", site: "local/quiet/hall" },
    root: { password: "r", role: "admin" },
  };
  const topic = (org: string): string => `rackstreet/v1/local/${org}/hall/power/pdu-1/telemetry`;

  it("waits, loses nothing, and holds nobody else up", async () => {
    const tenants = { "local/noisy": { rate: { messages: 20 } } };
    await using at = await running({ users, tenants });
    const judge = await at.connect({ username: "root", password: "r" });
    const got = inbox(judge);
    await judge.subscribeAsync("rackstreet/v1/#", { qos: 1 });
    const noisy = await at.connect({ username: "noisy", password: "n" });
    const quiet = await at.connect({ username: "quiet", password: "q" });
    const all = Array.from({ length: 230 }, (_, n) =>
      noisy.publishAsync(topic("noisy"), `${n}`, { qos: 1 }),
    );
    await vi.waitFor(() => expect(at.hub.counters.delayed).toBeGreaterThan(0));
    await quiet.publishAsync(topic("quiet"), "through", { qos: 1 });
    expect(got.filter((line) => line.startsWith(topic("noisy"))).length).toBeLessThan(230);
    await Promise.all(all);
    await vi.waitFor(() => expect(got).toHaveLength(231));
    expect(got.filter((line) => line.startsWith(topic("noisy")))).toEqual(
      Array.from({ length: 230 }, (_, n) => `${topic("noisy")} ${n}`),
    );
  });

  it("has so many connections, and others have theirs", async () => {
    const tenants = { "local/noisy": { connections: 2 } };
    await using at = await running({ users, tenants });
    const login = { username: "noisy", password: "n" };
    const [first] = [await at.connect(login), await at.connect(login)];
    await expect(at.connect(login)).rejects.toMatchObject({ code: 3 });
    await at.connect({ username: "quiet", password: "q" });
    await first?.endAsync();
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(2));
    await at.connect(login);
    expect(at.hub.counters.rejected).toEqual({ quota: 1 });
  });
});
