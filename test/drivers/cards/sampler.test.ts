/** The sampler in virtual time: what ends early, what comes back, what is too old. */
import { describe, expect, test } from "vitest";
import type { Round } from "../../../drivers/nvidia/rounds.ts";
import { Sampler } from "../../../drivers/nvidia/sampler.ts";
import type { StreamEvents } from "../../../drivers/nvidia/stream.ts";
import type { StreamCall } from "../../../drivers/transport/program.ts";
import { settle, VirtualClock } from "../../virtual.ts";

const never = new AbortController().signal;
const cards = [
  { index: "0", uuid: "GPU-a", bus: "00000000:19:00.0" },
  { index: "1", uuid: "GPU-b", bus: "00000000:3B:00.0" },
];
const rows = cards.map(({ index, uuid, bus }) => `2, ${index}, ${uuid}, ${bus}, 40`);
const lost = "Unable to determine the device handle for GPU0000:3B:00.0: GPU is lost.";

interface Start {
  readonly call: StreamCall;
  readonly events: StreamEvents;
  closed: boolean;
}

function rig(began: (start: Start) => void = () => undefined) {
  const clock = new VirtualClock();
  const starts: Start[] = [];
  const sampler = new Sampler({
    program: "nvidia-smi",
    sample: 1000,
    timeout: 10_000,
    clock,
    run: () => Promise.resolve({ exit: 0, output: '"temperature.gpu"\nT.\n', said: "" }),
    open(call, events) {
      const start = { call, events, closed: false };
      starts.push(start);
      began(start);
      return {
        close() {
          start.closed = true;
          return Promise.resolve();
        },
      };
    },
    heard: () => undefined,
    cards: () => cards,
  });
  const print = (lines: readonly string[]): void => {
    for (const line of lines) starts.at(-1)?.events.line(line);
  };
  const next = async (lines: readonly string[]): Promise<Round> => {
    const round = sampler.next(never);
    await settle();
    print(lines);
    await clock.advance(600);
    return round;
  };
  return { clock, starts, sampler, print, next };
}

const uuids = ({ cards }: Round): unknown[] => cards.map((cells) => cells.get("uuid"));

describe("the sampler", () => {
  test("one that ends before its start is through is told at once", async () => {
    const { sampler } = rig(({ events }) => {
      queueMicrotask(() => events.end({ exit: 9, said: "no device", error: undefined }));
    });
    await expect(sampler.next(never)).rejects.toThrow("nvidia-smi ended with 9: no device");
  });

  test("hands over what waits when it is fresh, and waits when it is old", async () => {
    const { clock, sampler, print, next } = rig();
    expect(uuids(await next(rows))).toEqual(["GPU-a", "GPU-b"]);
    print(rows);
    await clock.advance(900);
    expect(uuids(await sampler.next(never))).toEqual(["GPU-a", "GPU-b"]);
    print(rows);
    await clock.advance(1100);
    let handed = false;
    const late = sampler.next(never).then(() => (handed = true));
    await settle();
    expect(handed).toBe(false);
    print(rows);
    await late;
  });

  test("a stall of the past is ended before the next reading, which loses nothing", async () => {
    const { clock, starts, next } = rig();
    await next(rows);
    await clock.advance(60_000);
    expect(uuids(await next(rows))).toEqual(["GPU-a", "GPU-b"]);
    expect(starts.map(({ closed }) => closed)).toEqual([true, false]);
  });

  test("a stall under way is a timeout, and leaves no timer", async () => {
    const { clock, starts, sampler } = rig();
    const read = sampler.next(never);
    const outcome = expect(read).rejects.toMatchObject({ code: "E_DEVICE_TIMEOUT" });
    await clock.advance(11_000);
    await outcome;
    expect(starts[0]?.closed).toBe(true);
    expect(clock.timers).toBe(0);
  });

  test("a card that was left out is tried again after ten minutes", async () => {
    const { clock, starts, sampler, next, print } = rig();
    await next(rows);
    const read = sampler.next(never);
    await settle();
    print([rows[0] ?? "", lost]);
    starts.at(-1)?.events.end({ exit: 15, said: "", error: undefined });
    await settle();
    print([rows[0] ?? ""]);
    await clock.advance(600);
    const without = await read;
    expect(uuids(without)).toEqual(["GPU-a"]);
    expect(without.lost).toEqual([{ card: "0000:3B:00.0", why: "GPU is lost." }]);
    expect(starts.at(-1)?.call.args.join(" ")).toContain("-i GPU-a -lms");
    for (let second = 0; second < 601; second += 1) {
      print([rows[0] ?? ""]);
      await clock.advance(1000);
    }
    expect(uuids(await next(rows))).toEqual(["GPU-a", "GPU-b"]);
    expect(starts.at(-1)?.call.args.join(" ")).not.toContain("-i ");
    expect(starts.filter(({ closed }) => !closed)).toHaveLength(2);
  });

  test("when all cards are lost that is a round of none", async () => {
    const { next } = rig();
    const { cards, lost: gone } = await next([lost]);
    expect(cards).toEqual([]);
    expect(gone).toHaveLength(1);
  });

  test("closing under way and giving up leave nothing running", async () => {
    const { clock, starts, sampler } = rig();
    const abort = new AbortController();
    const read = sampler.next(abort.signal);
    await settle();
    abort.abort();
    await expect(read).rejects.toMatchObject({ code: "E_DISCONNECTED" });
    await sampler.close();
    expect(starts.every(({ closed }) => closed)).toBe(true);
    expect(clock.timers).toBe(0);
    const gone = new AbortController();
    const early = sampler.next(gone.signal);
    gone.abort();
    await expect(early).rejects.toMatchObject({ code: "E_DISCONNECTED" });
    expect(starts).toHaveLength(1);
  });
});
