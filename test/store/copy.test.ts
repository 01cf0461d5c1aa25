/** Copying between stores: cut anywhere and gone on with, it gives the same rows. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CopyProgress, CopyState } from "../../store/index.ts";
import { copyStore } from "../../store/index.ts";
import type { Line, Platform } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../virtual.ts";
import { MemoryStore } from "./memory_store.ts";

const signal = new AbortController().signal;
const begin: CopyState = { since: 0, until: 1e9, done: [], rows: 0, refused: 0 };

function line(measurement: string, time: number, device = "d1"): Line {
  return { measurement, tags: { device }, fields: { x_a: time }, time };
}

function platform(): Platform & { readonly clock: VirtualClock } {
  return { clock: new VirtualClock(), entropy: new SeededEntropy(1), log: silentLog };
}

interface Copied {
  /** The state that was durable last. */
  state: CopyState;
  readonly refused: string[];
  readonly seen: CopyProgress[];
}

/** A copy that keeps what it saves; `to` may fail. */
function copy(
  from: MemoryStore,
  to: MemoryStore,
  kept: Copied,
  measurements?: string[],
): Promise<CopyState> {
  return copyStore(
    {
      from,
      to,
      measurements,
      save: (state) => {
        kept.state = state;
        return Promise.resolve();
      },
      refuse: (lines) => {
        kept.refused.push(...lines.map(({ line: { time }, reason }) => `${time} ${reason}`));
        return Promise.resolve();
      },
      progress: (progress) => void kept.seen.push(progress),
    },
    { state: kept.state, platform: platform() },
    signal,
  );
}

const fresh = (state = begin): Copied => ({ state, refused: [], seen: [] });

/** Fails for good at its nth write, as a process that is killed does. */
class CutStore extends MemoryStore {
  #left: number;

  constructor(left: number) {
    super();
    this.#left = left;
  }

  override write(lines: readonly Line[]): ReturnType<MemoryStore["write"]> {
    this.#left -= 1;
    if (this.#left < 0) return Promise.reject(new GatewayError("E_STORE_CONFIG", "cut"));
    return super.write(lines);
  }
}

const many = Array.from({ length: 15_000 }, (_, at) =>
  line(at % 3 === 0 ? "m_b" : "m_a", Math.floor(at / 4), `d${at % 4}`),
);

describe("a copy", () => {
  test("takes everything, in order, in pieces of some thousand lines", async () => {
    const [from, to, kept] = [new MemoryStore(many), new MemoryStore(), fresh()];
    const state = await copy(from, to, kept);
    expect(state).toMatchObject({ done: ["m_a", "m_b"], rows: many.length, refused: 0 });
    expect(to.rows).toEqual(from.rows);
    expect(Math.max(...to.writes)).toBeLessThan(4100);
    expect(kept.seen.at(-1)).toMatchObject({ measurement: "m_b", rows: many.length });
  });

  test("takes only what is asked for", async () => {
    const [from, to] = [new MemoryStore(many), new MemoryStore()];
    await copy(from, to, fresh({ ...begin, since: 10, until: 20 }), ["m_b"]);
    const wanted = many.filter(
      ({ measurement, time }) => measurement === "m_b" && time >= 10 && time < 20,
    );
    expect([...to.rows.values()].toSorted((a, b) => a.time - b.time)).toEqual(wanted);
  });

  test("hands refused lines over and counts them", async () => {
    const from = new MemoryStore([line("m", 1), line("m", 2), line("m", 3)]);
    const to = new MemoryStore([], ({ time }) => time === 2);
    const kept = fresh();
    expect(await copy(from, to, kept)).toMatchObject({ rows: 2, refused: 1 });
    expect(kept.refused).toEqual(["2 refused by the test"]);
  });

  test("cut at any write and gone on with: the same rows, few of them twice", async () => {
    const from = new MemoryStore(many);
    const property = fc.asyncProperty(fc.array(fc.nat(3), { maxLength: 5 }), async (cuts) => {
      const kept = fresh();
      const to = new MemoryStore();
      for (const cut of cuts) {
        const target = new CutStore(cut);
        await copy(from, target, kept).catch(() => undefined);
        await to.write([...target.rows.values()]);
      }
      const state = await copy(from, to, kept);
      expect(to.rows).toEqual(from.rows);
      expect(state.rows).toBe(many.length);
    });
    await fc.assert(property, { numRuns: 8 });
  });

  test("waits for a target that is down for a while", async () => {
    const world = platform();
    const to = new MemoryStore();
    let down = 3;
    const write = to.write.bind(to);
    to.write = (lines) => {
      down -= 1;
      if (down < 0) return write(lines);
      queueMicrotask(() => void world.clock.advance(20_000));
      return Promise.reject(new GatewayError("E_STORE_DOWN", "away"));
    };
    const from = new MemoryStore([line("m", 1)]);
    const nothing = (): Promise<void> => Promise.resolve();
    const setup = { from, to, measurements: undefined, save: nothing, refuse: nothing };
    const progress = (): void => undefined;
    await copyStore({ ...setup, progress }, { state: begin, platform: world }, signal);
    expect(to.rows.size).toBe(1);
  });
});
