/** The lane: order kept, room waited for, and not for ever. */
import { describe, expect, it, vi } from "vitest";
import { Lane, roomWithin } from "../../broker/lane.ts";
import { StillClock } from "./platform.ts";

/** A room that is full until `free` is called, then for each caller anew. */
class FullRoom {
  #waiting: (() => void)[] = [];
  full = true;

  ask = (needsRoom: boolean): Promise<void> | undefined =>
    needsRoom && this.full ? new Promise((resolve) => this.#waiting.push(resolve)) : undefined;

  free(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

describe("lane", () => {
  it("runs at once while there is room", () => {
    const lane = new Lane(() => undefined, new StillClock());
    const done: number[] = [];
    lane.enter(true, () => done.push(1));
    lane.enter(false, () => done.push(2));
    expect(done).toEqual([1, 2]);
  });

  it("keeps the order behind one that waits [MQTT-4.6.0-2]", async () => {
    const room = new FullRoom();
    const clock = new StillClock();
    const lane = new Lane(room.ask, clock);
    const done: number[] = [];
    lane.enter(false, () => done.push(0));
    lane.enter(true, () => done.push(1));
    lane.enter(false, () => done.push(2));
    lane.enter(true, () => {
      done.push(3);
      lane.enter(false, () => done.push(4));
    });
    expect(done).toEqual([0]);
    room.full = false;
    room.free();
    await vi.waitFor(() => expect(done).toEqual([0, 1, 2, 3, 4]));
    await vi.waitFor(() => expect(clock.pending).toBe(0));
    lane.enter(true, () => done.push(5));
    expect(done).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("gives up what waits for room when the connection is gone, but not its will", async () => {
    const room = new FullRoom();
    const lane = new Lane(room.ask, new StillClock());
    const done: string[] = [];
    lane.enter(true, () => done.push("telemetry"));
    lane.enter(true, () => done.push("more"));
    lane.enter(false, () => done.push("will"));
    lane.close();
    room.full = false;
    room.free();
    await vi.waitFor(() => expect(done).toEqual(["will"]));
    lane.enter(true, () => done.push("later"));
    expect(done).toEqual(["will", "later"]);
  });

  it("asks again when the room was taken by others", async () => {
    const room = new FullRoom();
    const ask = vi.fn(room.ask);
    const lane = new Lane(ask, new StillClock());
    const done: number[] = [];
    lane.enter(true, () => done.push(1));
    room.free();
    await vi.waitFor(() => expect(ask).toHaveBeenCalledTimes(2));
    expect(done).toEqual([]);
    room.full = false;
    room.free();
    await vi.waitFor(() => expect(done).toEqual([1]));
  });

  it("goes on without room after 20 s, all that waits", async () => {
    const room = new FullRoom();
    const clock = new StillClock();
    const lane = new Lane(room.ask, clock);
    const done: number[] = [];
    for (const n of [1, 2, 3]) lane.enter(true, () => done.push(n));
    clock.advance(roomWithin - 1);
    await Promise.resolve();
    expect(done).toEqual([]);
    clock.advance(1);
    await vi.waitFor(() => expect(done).toEqual([1, 2, 3]));
  });

  it("goes on when the room fails", async () => {
    const done: number[] = [];
    let asked = 0;
    const lane = new Lane(() => {
      asked += 1;
      return asked === 1 ? Promise.reject(new Error("store")) : undefined;
    }, new StillClock());
    lane.enter(true, () => done.push(1));
    await vi.waitFor(() => expect(done).toEqual([1]));
  });
});
