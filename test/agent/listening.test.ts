/** Devices that speak by themselves: heard at once, and listened for again when the way breaks. */
import { expect, test } from "vitest";
import { Agent, agentOptions } from "../../agent/index.ts";
import { v } from "../../config/index.ts";
import type { Heard, Session } from "../../drivers/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { KeptLog, MemoryDisk, SeededEntropy, VirtualClock } from "../virtual.ts";

const address = { region: "local", org: "main", site: "s", class: "environment", device: "mast" };

function said(temp_c: number, time?: number): Heard {
  const tags = { sensor: "air" };
  const points = [{ measurement: "environment", tags, fields: { temp_c, q: 0 } }];
  return { reading: { points, faults: [] }, time };
}

/** An agent with one listened device; each call of `listen` takes the next of the lives. */
async function rig() {
  const clock = new VirtualClock();
  const log = new KeptLog();
  const published: { readonly topic: string; readonly time: number }[] = [];
  const calls: { readonly at: number; say(heard: Heard): void; breakOff(): void }[] = [];
  const session: Session = {
    groups: [],
    read: () => Promise.reject(new GatewayError("E_BUG", "it has no groups")),
    listen: (heard, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
        const breakOff = (): void => reject(new GatewayError("E_DISCONNECTED", "cut"));
        calls.push({ at: clock.monotonic(), say: heard, breakOff });
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const named = { profile: undefined, vendor: undefined, model: undefined };
  const device = {
    address,
    place: {},
    driver: "x",
    interval: 1000,
    busKey: "m",
    session,
    ...named,
  };
  const setup = {
    options: v.parse(agentOptions, { health: "1h" }),
    site: address,
    devices: [device],
    disk: new MemoryDisk(),
    connect: ({ events }: { readonly events: { up(): void } }) => {
      clock.after(0, () => events.up());
      return {
        publish: ({ topic, payload }: { topic: string; payload: string | Uint8Array }) => {
          const time = /"time":(\d+)/.exec(String(payload))?.[1];
          published.push({ topic: topic.split("/").slice(-2).join("/"), time: Number(time) });
          return Promise.resolve();
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    vitals: () => ({ rss: 0, loopDelay: 0 }),
  };
  const starting = Agent.start(setup, { clock, entropy: new SeededEntropy(1), log });
  await clock.advance(1);
  const agent = await starting;
  const end = async (): Promise<void> => {
    const ending = agent[Symbol.asyncDispose]();
    await clock.advance(1000);
    await ending;
  };
  const telemetry = (): number[] =>
    published.filter(({ topic }) => topic === "mast/telemetry").map(({ time }) => time);
  const spooled = (): unknown[] =>
    log.entries.flatMap(({ event, fields }) =>
      event === "batch spooled" && fields?.["kind"] === "telemetry" ? [fields["time"]] : [],
    );
  return { clock, calls, telemetry, spooled, end };
}

test("what is heard is published at once; what tells of the past is only spooled", async () => {
  const { clock, calls, telemetry, spooled, end } = await rig();
  const past = clock.now() - 600_000;
  calls[0]?.say(said(20, past + 60_000));
  await clock.advance(200);
  calls[0]?.say(said(19, past));
  calls[0]?.say(said(21, past + 120_000));
  calls[0]?.say(said(21, past + 120_000));
  await clock.advance(200);
  expect(telemetry()).toEqual([past + 60_000, past + 120_000, past + 120_000]);
  expect(spooled()).toEqual([past + 60_000, past, past + 120_000, past + 120_000]);
  await end();
});

test("a broken way is tried again, later each time, until the device was heard", async () => {
  const { clock, calls, end } = await rig();
  for (let broken = 1; broken <= 3; broken += 1) {
    calls.at(-1)?.breakOff();
    await clock.advance(8000);
    expect(calls).toHaveLength(broken + 1);
  }
  const waits = calls.slice(1).map(({ at }, index) => at - (calls[index]?.at ?? 0) - 8000 * index);
  expect(waits[0]).toBeLessThanOrEqual(1001);
  calls.at(-1)?.say(said(20));
  calls.at(-1)?.breakOff();
  await clock.advance(1000);
  expect(calls).toHaveLength(5);
  await end();
});
