/**
 * Engine and notifier together, with crashes at any moment: each alert is told to begin and to end
 * in turn, in the end what is told is what is so, and nothing comes twice but under the same id.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { AlertEvent, Message } from "../../../alerts/notifiers/contract.ts";
import type { Notifiers } from "../../../alerts/index.ts";
import { openNotifiers } from "../../../alerts/index.ts";
import { snapshotName } from "../../../alerts/snapshot.ts";
import { v } from "../../../config/index.ts";
import type { Clock, Disk } from "../../../telemetry/index.ts";
import { GatewayError, sleep } from "../../../telemetry/index.ts";
import { MemoryDisk, SeededEntropy } from "../../virtual.ts";
import { Rig } from "../rig.ts";
import { parseNotify } from "./rig.ts";

const rules = "rack-hot:\n  about: hot\n  measurement: thermal\n  field: temp_c\n  above: 27\n";
const notify = parseNotify(
  "duty: { kind: script, program: x, burst: 1000, per_minute: 1000, queue: 10000 }",
);

const snapshot = v.object({
  groups: v.array(
    v.object({
      address: v.object({ device: v.string() }),
      life: v.object({ phase: v.string(), since: v.number() }),
    }),
  ),
});

/** A state of an alert that has reached the disk. */
interface Remembered extends Pick<AlertEvent, "state" | "time"> {
  readonly device: string;
}

/** Takes its time, so that a crash can come between two files; what was under way is lost. */
class SlowDisk extends MemoryDisk {
  /** What the alerts have ever remembered. */
  readonly remembered = new Map<string, Remembered>();
  readonly #clock: Pick<Clock, "after">;
  #process = 0;

  constructor(clock: Pick<Clock, "after">) {
    super();
    this.#clock = clock;
  }

  crash(): void {
    this.#process += 1;
  }

  override async replace(name: string, bytes: Uint8Array): Promise<void> {
    await this.#write(name === snapshotName ? 15 : 25);
    await super.replace(name, bytes);
    if (name !== snapshotName) return;
    const { groups } = v.parse(snapshot, JSON.parse(new TextDecoder().decode(bytes)));
    for (const { address, life } of groups) {
      // A life that was never anything but well has no beginning.
      if (life.since === 0) continue;
      const state = life.phase === "firing" ? "firing" : "resolved";
      const { device } = address;
      this.remembered.set(`${device} ${life.since}`, { device, state, time: life.since });
    }
  }

  /** A write that a crash cut short never ends. */
  async #write(ms: number): Promise<void> {
    const started = this.#process;
    await sleep(this.#clock, ms);
    if (started !== this.#process) await new Promise(() => undefined);
  }
}

class SlowRig extends Rig {
  override readonly disk = new SlowDisk(this.clock);
}

/** A hub that can lose its process at any moment, and its receiver too. */
class Hub {
  readonly rig = new SlowRig(rules);
  readonly got: Message[] = [];
  readonly #entropy = new SeededEntropy(7);
  isDown = false;
  #life = { over: false };
  #notifiers: Notifiers | undefined;

  async open(): Promise<void> {
    const life = { over: false };
    this.#life = life;
    const clock: Clock = {
      now: () => this.rig.clock.now(),
      monotonic: () => this.rig.clock.monotonic(),
      after: (ms, run) => this.rig.clock.after(ms, () => (life.over ? undefined : run())),
    };
    const disk: Disk = new Proxy(this.rig.disk, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        return life.over ? () => new Promise(() => undefined) : member.bind(target);
      },
    });
    const send = (message: Message): Promise<void> => {
      if (life.over) return new Promise(() => undefined);
      if (this.isDown) return Promise.reject(new GatewayError("E_NOTIFY", "down"));
      this.got.push(message);
      return Promise.resolve();
    };
    const platform = { clock, entropy: this.#entropy, log: this.rig.log };
    const create = () => ({ atOnce: 1, send });
    this.#notifiers = await openNotifiers({ notify, disk, create }, platform);
    const notifiers = this.#notifiers;
    this.rig.remember = (transitions) => notifiers.remember(transitions);
    await this.rig.open();
    notifiers.start(() => this.rig.alerts.firing().alerts);
  }

  async crash(): Promise<void> {
    this.#life.over = true;
    this.rig.crash();
    this.rig.disk.crash();
    await this.open();
  }
}

const step = fc.record({
  device: fc.constantFrom("a", "b"),
  value: fc.constantFrom(20, 30),
  wait: fc.nat(400),
  next: fc.constantFrom("go on", "go on", "go on", "crash", "receiver fails", "receiver is back"),
});

it("a crash at any moment loses no transition and repeats none for ever", async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const hub = new Hub();
    await hub.open();
    for (const { device, value, wait, next } of steps) {
      hub.rig.temperature(value, device);
      await hub.rig.clock.advance(wait);
      if (next === "crash") await hub.crash();
      else if (next !== "go on") hub.isDown = next === "receiver fails";
      await hub.rig.clock.advance(1);
    }
    hub.isDown = false;
    hub.rig.temperature(30, "a");
    hub.rig.temperature(20, "b");
    // Once more, as it may have chattered: then it is held until it was right for a while.
    await hub.rig.clock.advance(61_000);
    hub.rig.temperature(20, "b");
    await hub.rig.clock.advance(600_000);
    const before = hub.got.length;
    await hub.rig.clock.advance(86_400_000);
    expect(hub.got).toHaveLength(before);
    expect(toldOf(hub, "a").at(-1)).toBe("firing");
    expect(toldOf(hub, "b").at(-1) ?? "resolved").toBe("resolved");
    for (const device of ["a", "b"]) expectInTurn(toldOf(hub, device));
    for (const known of hub.rig.disk.remembered.values()) expectTold(hub, known);
    const crashes = steps.filter(({ next }) => next === "crash").length;
    const ids = hub.got.map(({ id }) => id);
    expect(ids.length - new Set(ids).size).toBeLessThanOrEqual(crashes);
  });
  // Over, and a crash while only one of the two files was written.
  const between = [
    { device: "a", value: 30, wait: 0, next: "go on" },
    { device: "a", value: 20, wait: 198, next: "go on" },
    { device: "a", value: 20, wait: 15, next: "crash" },
  ];
  await fc.assert(property, { numRuns: 200, examples: [[between]] });
});

/** What was told of a device, each id once. */
function toldOf({ got }: Hub, device: string): string[] {
  const states = new Map<string, string>();
  for (const { events } of got) {
    for (const { id, address, state } of events) {
      if (address.device === device) states.set(id, state);
    }
  }
  return [...states.values()];
}

/** Of the events up to that time, the last one told says the same. */
function expectTold({ got }: Hub, { device, state, time }: Remembered): void {
  const last = got
    .flatMap(({ events }) => events)
    .filter((event) => event.address.device === device && event.time <= time)
    .toSorted((a, b) => a.time - b.time)
    .at(-1);
  expect(last?.state).toBe(state);
}

function expectInTurn(states: readonly string[]): void {
  for (const [i, state] of states.entries()) expect(state).toBe(i % 2 ? "resolved" : "firing");
}
