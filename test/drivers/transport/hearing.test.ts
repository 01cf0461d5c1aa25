/** What listening drivers share: one way for many listeners, silence noticed, a pace kept. */
import { expect, it } from "vitest";
import { Audience } from "../../../drivers/transport/audience.ts";
import type { WayEvents } from "../../../drivers/transport/audience.ts";
import { HearingSession, Pace } from "../../../drivers/transport/hearing.ts";
import type { Understood } from "../../../drivers/transport/hearing.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { settle, VirtualClock } from "../../virtual.ts";
import { codeOf } from "../modbus/world.ts";

function rig(silence?: number) {
  const clock = new VirtualClock();
  const ways: { events: WayEvents<Understood>; signal: AbortSignal; closed: boolean }[] = [];
  const audience = new Audience<Understood>(async (events, signal) => {
    const way = { events, signal, closed: false };
    ways.push(way);
    return {
      close() {
        way.closed = true;
        return Promise.resolve();
      },
    };
  });
  const session = () =>
    new HearingSession<Understood>({
      name: "mast",
      audience,
      mark: {},
      clock,
      silence,
      ear: () => (message) => message,
      origin: () => ({ endpoint: {}, sources: [] }),
    });
  return { clock, ways, audience, session };
}

const ignore = (): void => undefined;

it("one way serves all; it closes with the last and opens again for the next", async () => {
  const { ways, session } = rig();
  const [one, other] = [new AbortController(), new AbortController()];
  const listening = [session().listen(ignore, one.signal), session().listen(ignore, other.signal)];
  await settle();
  expect(ways).toHaveLength(1);
  one.abort();
  await listening[0];
  expect(ways[0]?.signal.aborted).toBe(false);
  other.abort();
  await listening[1];
  await settle();
  expect(ways[0]?.closed).toBe(true);
  const again = new AbortController();
  const third = session().listen(ignore, again.signal);
  await settle();
  expect(ways).toHaveLength(2);
  again.abort();
  await third;
});

it("a broken way fails all who listen, and is closed before it opens again", async () => {
  const { ways, session } = rig();
  const never = new AbortController().signal;
  const both = [session().listen(ignore, never), session().listen(ignore, never)];
  const codes = Promise.all(both.map(codeOf));
  await settle();
  ways[0]?.events.broken(new GatewayError("E_DISCONNECTED", "cut"));
  ways[0]?.events.broken(new GatewayError("E_DISCONNECTED", "cut again"));
  expect(await codes).toEqual(["E_DISCONNECTED", "E_DISCONNECTED"]);
  const again = new AbortController();
  const third = session().listen(ignore, again.signal);
  await settle();
  expect(ways.map(({ closed }) => closed)).toEqual([true, false]);
  again.abort();
  await third;
});

it("a silent device is lost after a while; noise alone is told apart", async () => {
  const { clock, ways, session } = rig(10_000);
  const never = new AbortController().signal;
  const silent = codeOf(session().listen(ignore, never));
  await clock.advance(9000);
  ways[0]?.events.heard("said");
  await clock.advance(9000);
  ways[0]?.events.heard("other");
  await clock.advance(1000);
  expect(await silent).toBe("E_SILENT");
  const noisy = codeOf(session().listen(ignore, never));
  await settle();
  ways[1]?.events.heard("noise");
  await clock.advance(10_000);
  expect(await noisy).toBe("E_DEVICE_FRAME");
});

it("a pace lets one through in each span, and keeps the beat", async () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock, 10_000);
  const passed: number[] = [];
  for (let second = 0; second < 45; second += 3) {
    if (pace.due()) passed.push(second);
    await clock.advance(3000);
  }
  expect(passed).toEqual([0, 12, 21, 30, 42]);
  const all = new Pace(clock, 0);
  expect([all.due(), all.due()]).toEqual([true, true]);
});
