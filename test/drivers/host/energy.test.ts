/** Energy goes on over roll-overs, restarts of the agent and of the machine, and never falls. */
import { describe, expect, test } from "vitest";
import type { Memory } from "../../../drivers/contract.ts";
import { hostDriver } from "../../../drivers/host/index.ts";
import { SeededEntropy, silentLog, VirtualClock } from "../../virtual.ts";
import { RecordedRoot } from "./recording.ts";

const never = new AbortController().signal;
const domain = "/sys/class/powercap/intel-rapl:0";
const range = 262_143_328_850;
/** 1 Wh. @unit µJ */
const wattHour = 3_600_000_000;
const thisBoot = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0";
const nextBoot = "1f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f1";

/** A machine with one counter, and an agent's memory that outlives sessions. */
class Machine implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly kept: string[] = [];
  readonly #root: RecordedRoot;
  #booted = 0;
  #boot = thisBoot;
  #energy = 0;

  private constructor(root: RecordedRoot) {
    this.#root = root;
  }

  static async create(): Promise<Machine> {
    const machine = new Machine(await RecordedRoot.create());
    await machine.#root.apply(
      `==> ${domain}/name <==\npackage-0\n\n==> ${domain}/max_energy_range_uj <==\n${range}\n`,
    );
    return machine;
  }

  async use(energy: number): Promise<void> {
    this.#energy = (this.#energy + energy) % range;
    await this.#write();
  }

  async reboot(): Promise<void> {
    this.#booted = this.clock.monotonic();
    this.#boot = nextBoot;
    this.#energy = 0;
    await this.#write();
  }

  /** A new session of an agent that may remember the last. */
  async session(
    remembers = true,
  ): Promise<(signal?: AbortSignal) => Promise<Record<string, unknown> | undefined>> {
    const kept: unknown = JSON.parse(this.kept.at(-1) ?? "null");
    const memory: Memory = { kept, keep: (value) => this.kept.push(JSON.stringify(value)) };
    const context = { clock: this.clock, entropy: new SeededEntropy(), log: silentLog, buses: {} };
    const session = await hostDriver.create(context).open({
      id: "host",
      options: { root: this.#root.path, parts: ["power"] },
      profile: undefined,
      ...(remembers && { memory }),
    });
    return async (signal = never) => {
      await this.#write();
      return (await session.read(["power"], signal)).points[0]?.fields;
    };
  }

  async #write(): Promise<void> {
    const up = ((this.clock.monotonic() - this.#booted) / 1000).toFixed(2);
    await this.#root.apply(`==> /proc/uptime <==\n${up} 0.00\n`);
    await this.#root.apply(`==> /proc/sys/kernel/random/boot_id <==\n${this.#boot}\n`);
    await this.#root.apply(`==> ${domain}/energy_uj <==\n${this.#energy}\n`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#root[Symbol.asyncDispose]();
  }
}

describe("energy", () => {
  test("what was used while the agent restarted is counted; its power is not told", async () => {
    await using machine = await Machine.create();
    const read = await machine.session();
    expect(await read()).toMatchObject({ energy_wh_total: 0 });
    await machine.clock.advance(60_000);
    await machine.use(5 * wattHour);
    expect(await read()).toMatchObject({ energy_wh_total: 5, power_w: 300 });
    await machine.clock.advance(60_000);
    await machine.use(5 * wattHour);
    const readAgain = await machine.session();
    expect(await readAgain()).toEqual({ energy_wh_total: 10, q: 0 });
    await machine.clock.advance(60_000);
    await machine.use(2 * wattHour);
    expect(await readAgain()).toMatchObject({ energy_wh_total: 12, power_w: 120 });
  });

  test("an absence in which the counter can have gone round counts as nothing", async () => {
    await using machine = await Machine.create();
    const read = await machine.session();
    await read();
    await machine.clock.advance(60_000);
    await machine.use(5 * wattHour);
    await read();
    await machine.clock.advance(3_600_000);
    await machine.use(3 * wattHour);
    const readAgain = await machine.session();
    expect(await readAgain()).toEqual({ energy_wh_total: 5, q: 0 });
  });

  test("the sum goes on over a restart of the machine", async () => {
    await using machine = await Machine.create();
    const read = await machine.session();
    await read();
    await machine.clock.advance(60_000);
    await machine.use(7 * wattHour);
    expect(await read()).toMatchObject({ energy_wh_total: 7 });
    await machine.reboot();
    await machine.clock.advance(20_000);
    await machine.use(8 * wattHour);
    const readAgain = await machine.session();
    expect(await readAgain()).toEqual({ energy_wh_total: 7, q: 0 });
    await machine.clock.advance(60_000);
    await machine.use(wattHour);
    expect(await readAgain()).toMatchObject({ energy_wh_total: 8 });
  });

  test("is kept when what is told has changed, not at each poll", async () => {
    await using machine = await Machine.create();
    const read = await machine.session();
    for (let poll = 0; poll < 10; poll += 1) {
      await machine.clock.advance(6000);
      await machine.use(wattHour / 5);
      await read();
    }
    // The first reading, 1 Wh.
    expect(machine.kept).toHaveLength(2);
  });

  test("without a memory it begins at 0, as the register says", async () => {
    await using machine = await Machine.create();
    const read = await machine.session(false);
    await machine.use(100 * wattHour);
    expect(await read()).toMatchObject({ energy_wh_total: 0 });
    expect(machine.kept).toEqual([]);
  });

  test("a reading that is given up at the very start does not cost the memory", async () => {
    await using machine = await Machine.create();
    const read = await machine.session();
    await read();
    await machine.clock.advance(60_000);
    await machine.use(5 * wattHour);
    await read();
    await machine.clock.advance(60_000);
    await machine.use(5 * wattHour);
    const readAgain = await machine.session();
    const abort = new AbortController();
    const reading = readAgain(abort.signal);
    setImmediate(() => abort.abort());
    await reading.catch(() => undefined);
    expect(await readAgain()).toMatchObject({ energy_wh_total: 10 });
  });

  test("a memory of another form is as good as none", async () => {
    await using machine = await Machine.create();
    machine.kept.push('{"boot": 3, "counters": [1]}');
    const read = await machine.session();
    expect(await read()).toMatchObject({ energy_wh_total: 0 });
  });
});
