/** One nvidia-smi that runs on: what happens to it, and what becomes of cards that are lost. */
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import type { Memory, Session } from "../../../drivers/contract.ts";
import { nvidia } from "../../../drivers/nvidia/index.ts";
import type { Point } from "../../../telemetry/index.ts";
import { contextWith } from "../modbus/world.ts";
import { RecordedTool } from "./tool.ts";

const recordings = join(import.meta.dirname, "../../golden/drivers/nvidia");
const never = new AbortController().signal;

/** A busy machine starts a process slowly. */
const patience = { timeout: 20_000, interval: 20 };

const head = "count, index, uuid, pci.bus_id, temperature.gpu, power.draw";
const rows = [
  "3, 0, GPU-a, 00000000:19:00.0, 40, 100.0",
  "3, 1, GPU-b, 00000000:3B:00.0, 41, 200.0",
  "3, 2, GPU-c, 00000000:5E:00.0, 42, 300.0",
];

interface Seat extends AsyncDisposable {
  readonly tool: RecordedTool;
  readonly session: Session;
  /** Reads the quick group. */
  cards(): Promise<{ readonly points: readonly Point[]; readonly faults: readonly string[] }>;
}

async function sit(options: Record<string, unknown> = {}, memory?: Memory): Promise<Seat> {
  const tool = await RecordedTool.create("nvidia-smi");
  tool.record("query-gpu.csv", [head, ...rows].join("\n"));
  const driver = nvidia.create(contextWith());
  const all = { sample: "20ms", energy: "none", program: tool.program, ...options };
  const session = await driver.open({
    id: "node",
    options: all,
    profile: undefined,
    ...(memory === undefined ? {} : { memory }),
  });
  return {
    tool,
    session,
    async cards() {
      const { points, faults } = await session.read(["cards"], never);
      return { points, faults: faults.map(({ code, at }) => `${code} ${at}`) };
    },
    async [Symbol.asyncDispose]() {
      await driver[Symbol.asyncDispose]();
      await vi.waitFor(() => expect(tool.running).toEqual([]), patience);
      await tool[Symbol.asyncDispose]();
    },
  };
}

function temperatures(points: readonly Point[]): unknown {
  return Object.fromEntries(points.map(({ tags, fields }) => [tags?.["gpu"], fields["temp_c"]]));
}

const queries = (tool: RecordedTool): readonly string[] =>
  tool.asked.filter((line) => line.includes("--query-gpu="));

/** The next round printed after now, whatever waits already. */
async function afterward(seat: Seat): Promise<Awaited<ReturnType<Seat["cards"]>>> {
  await seat.cards();
  await seat.cards();
  return seat.cards();
}

describe("one nvidia-smi that runs on", () => {
  test("serves all polls, and asks for no column that it does not know", async () => {
    await using seat = await sit();
    for (let poll = 0; poll < 4; poll += 1) {
      expect(temperatures((await seat.cards()).points)).toEqual({ 0: 40, 1: 41, 2: 42 });
    }
    expect(queries(seat.tool)).toHaveLength(1);
    expect(queries(seat.tool)[0]).toContain(
      "--query-gpu=count,index,uuid,pci.bus_id,power.draw,temperature.gpu",
    );
  });

  test("is started again when it died", async () => {
    await using seat = await sit();
    await seat.cards();
    const [pid = 0] = (queries(seat.tool)[0] ?? "").split(" ").map(Number);
    seat.tool.kill(pid);
    await vi.waitFor(() => expect(seat.tool.running).not.toContain(pid), patience);
    // What it printed last may still be handed over. No reading is lost.
    while (queries(seat.tool).length < 2) await seat.cards();
    expect(temperatures((await seat.cards()).points)).toEqual({ 0: 40, 1: 41, 2: 42 });
  });

  test("is killed when it stalls, told as a timeout, and started again", async () => {
    await using seat = await sit({ timeout: "3s" });
    await seat.cards();
    seat.tool.fallSilent();
    await vi.waitFor(() => expect(seat.tool.asked.join()).toContain("keeps silent"), patience);
    const stalled = seat.tool.running;
    const error: unknown = await seat
      .cards()
      .then(() => seat.cards())
      .then(() => seat.cards())
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "E_DEVICE_TIMEOUT" });
    await vi.waitFor(() => expect(seat.tool.running).toEqual([]), patience);
    seat.tool.wake();
    expect(temperatures((await seat.cards()).points)).toEqual({ 0: 40, 1: 41, 2: 42 });
    expect(seat.tool.running).not.toEqual(stalled);
  });

  test("after an upgrade under way it is asked for what the new version knows", async () => {
    await using seat = await sit();
    expect((await seat.cards()).points[0]?.fields).not.toHaveProperty("headroom_c");
    const more = rows.map((row) => `${row}, 30`);
    seat.tool.record("query-gpu.csv", [`${head}, temperature.gpu.tlimit`, ...more].join("\n"));
    for (const pid of seat.tool.running) seat.tool.kill(pid);
    while (queries(seat.tool).length < 2) await seat.cards();
    expect((await seat.cards()).points[0]?.fields).toHaveProperty("headroom_c", 30);
  });

  test("a column that it lists and refuses all the same is left out", async () => {
    await using seat = await sit();
    seat.tool.record("help-query-gpu.txt", '"temperature.gpu"\nT.\n\n"fan.speed" or "fan"\nF.\n');
    expect(temperatures((await seat.cards()).points)).toEqual({ 0: 40, 1: 41, 2: 42 });
    expect(queries(seat.tool)).toHaveLength(2);
    expect(queries(seat.tool)[1]).not.toContain("fan.speed");
  });

  test("what it says when it cannot start stands in the error", async () => {
    await using seat = await sit();
    const words = "Failed to initialize NVML: Driver/library version mismatch";
    seat.tool.record("query-gpu.csv", `${head}\n!!${words}\n`);
    const error: unknown = await seat.cards().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "E_PROGRAM" });
    expect(String(error)).toContain(`ended with 15: ${words}`);
  });

  test("missing, it is named with its package", async () => {
    await using seat = await sit({ program: "/nowhere/nvidia-smi" });
    const error: unknown = await seat.cards().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "E_PROGRAM_MISSING" });
    expect(String(error)).toContain("nvidia-utils");
  });

  test("garbage and rows of another shape are told, the rest is read", async () => {
    await using seat = await sit();
    const bad = [rows[0], "3, 1, GPU-b", "\u0000\u0007, , , ,", rows[2]].join("\n");
    seat.tool.record("query-gpu.csv", `${head}\n${bad}\n`);
    const { points, faults } = await afterward(seat);
    expect(temperatures(points)).toMatchObject({ 0: 40, 2: 42 });
    expect(faults.length).toBeGreaterThan(0);
  });
});

describe("a card that is lost", () => {
  test("is a fault and a row of its own; the others go on; it may come back", async () => {
    await using seat = await sit();
    await seat.cards();
    seat.tool.record("query-gpu.csv", [head, rows[0], rows[2]].join("\n"));
    await vi.waitFor(async () => expect((await seat.cards()).faults).not.toEqual([]), patience);
    const { points, faults } = await seat.cards();
    expect(temperatures(points)).toEqual({ 0: 40, 2: 42, 1: undefined });
    expect(points.find(({ tags }) => tags?.["gpu"] === "1")?.fields).toEqual({
      health_state: 3,
      q: 0,
    });
    expect(faults).toEqual(["E_DEVICE_REFUSED gpu 1 (00000000:3B:00.0): is no longer listed"]);
    seat.tool.record("query-gpu.csv", [head, ...rows].join("\n"));
    expect(await afterward(seat)).toMatchObject({ faults: [] });
  });

  test("with a driver that then fails as a whole: the others are asked for by name", async () => {
    await using seat = await sit();
    await seat.cards();
    const words = "Unable to determine the device handle for GPU 0000:3B:00.0: GPU is lost.";
    seat.tool.record("query-gpu.csv", [head, rows[0], `!!${words}`, rows[2]].join("\n"));
    await vi.waitFor(() => expect(seat.tool.running).toEqual([]), patience);
    const { points, faults } = await afterward(seat);
    expect(temperatures(points)).toEqual({ 0: 40, 2: 42, 1: undefined });
    expect(faults).toEqual(["E_DEVICE_REFUSED gpu 1 (00000000:3B:00.0): GPU is lost."]);
    expect(queries(seat.tool).at(-1)).toContain("-i GPU-a,GPU-c");
  });

  test("whose number another card has after a reload is told once", async () => {
    await using seat = await sit();
    await seat.cards();
    const moved = ["2, 0, GPU-a, 00000000:19:00.0, 40, 1", "2, 1, GPU-c, 00000000:5E:00.0, 42, 1"];
    seat.tool.record("query-gpu.csv", [head, ...moved].join("\n"));
    const told = new Set<string>();
    await vi.waitFor(async () => {
      const { points, faults } = await seat.cards();
      for (const fault of faults) told.add(fault);
      expect(temperatures(points)).toEqual({ 0: 40, 1: 42 });
    }, patience);
    expect([...told]).toEqual([
      "E_DEVICE_REFUSED gpu 1 (00000000:3B:00.0): another card has its number now",
    ]);
    expect((await seat.cards()).faults).toEqual([]);
  });
});

describe("no card that can be read", () => {
  const words = "Unable to determine the device handle for GPU 0000:19:00.0: GPU is lost.";

  test("is an error when none was ever seen", async () => {
    await using seat = await sit();
    seat.tool.record("query-gpu.csv", `${head}\n!${words}\n`);
    const error: unknown = await seat.cards().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "E_PROGRAM" });
    expect(String(error)).toContain("0000:19:00.0: GPU is lost.");
  });

  test("is a row of each that was", async () => {
    await using seat = await sit();
    seat.tool.record("query-gpu.csv", `${head}\n${rows[0]}`);
    await seat.cards();
    seat.tool.record("query-gpu.csv", `${head}\n!${words}\n`);
    await vi.waitFor(async () => {
      const { points, faults } = await seat.cards();
      expect(points).toMatchObject([{ tags: { gpu: "0" }, fields: { health_state: 3, q: 0 } }]);
      expect(faults).toEqual(["E_DEVICE_REFUSED gpu 0 (00000000:19:00.0): GPU is lost."]);
    }, patience);
  });
});

test("a card whose details are broken leaves those of the others", async () => {
  await using tool = await RecordedTool.create("nvidia-smi", join(recordings, "mig_v12/device"));
  const xml = await tool.recorded("q-x.xml");
  tool.record("q-x.xml", xml.replace("<current_mig>Disabled</current_mig>", "<current_mig>&&"));
  await using driver = nvidia.create(contextWith());
  const options = { program: tool.program, sample: "20ms" };
  await using session = await driver.open({ id: "node", options, profile: undefined });
  const { points, faults } = await session.read(["cards", "details"], never);
  expect(points.map(({ measurement }) => measurement)).toEqual([
    "accelerator",
    "accelerator",
    "accelerator_instance",
    "accelerator_instance",
    "accelerator_instance",
  ]);
  expect(faults).toMatchObject([{ code: "E_DEVICE_FRAME" }]);
});

describe("energy", () => {
  test("is added up over time, marked, and remembered over a restart", async () => {
    let kept: unknown = { "GPU-a": { carried: 36_000 } };
    const memory = (): Memory => ({ kept, keep: (value) => (kept = value) });
    await using seat = await sit({ energy: "integrated" }, memory());
    const strong = "3, 2, GPU-c, 00000000:5E:00.0, 42, 1000000.0";
    seat.tool.record("query-gpu.csv", [head, rows[0], rows[1], strong].join("\n"));
    await vi.waitFor(async () => {
      await seat.cards();
      // At 1 MW a watt-hour takes 3.6 ms.
      expect(kept).toMatchObject({ "GPU-c": { carried: expect.any(Number) } });
      expect(JSON.stringify(kept)).not.toContain('"GPU-c":{"carried":0}');
    }, patience);
    const { points } = await seat.cards();
    expect(points[0]?.fields).toMatchObject({ estimated_wh_total: 10, q: 0 });
    const sources = seat.session.origin?.().sources ?? [];
    const energy = sources.find(({ field }) => field === "estimated_wh_total");
    expect(energy?.at).toBe("power.draw, added up over time");
  });
});

describe("the kernel's log", () => {
  test("tells the newest XID of each card, and once that it cannot be read", async () => {
    await using tool = await RecordedTool.create("kmsg");
    const record = (place: string, code: number): string =>
      `4,12,98765,-;NVRM: Xid (PCI:${place}): ${code}, pid=77, name=train, Ch 00000008\n`;
    tool.record("kmsg.txt", record("0000:3b:00", 31) + record("0000:3B:00", 79));
    const kernelLog = join(tool.program, "../device/kmsg.txt");
    await using seat = await sit({ kernelLog });
    // What was logged before the agent began is a state, and no event.
    const { points } = await seat.cards();
    expect(points.map(({ fields }) => fields["xid_code"])).toEqual([0, 79, 0]);
    await appendFile(kernelLog, record("0000:3b:00", 48) + record("0000:99:00", 13));
    const events = async (): Promise<unknown[]> =>
      (await seat.cards()).points
        .filter(({ measurement }) => measurement === "device_event")
        .map(({ fields }) => fields["message"]);
    expect(await events()).toEqual(["gpu 1: XID 48; gpu 0000:99:00: XID 13"]);
    expect(await events()).toEqual([]);
    await using blind = await sit({ kernelLog: "/nowhere/kmsg" });
    const first = await blind.cards();
    expect(first.faults).toHaveLength(1);
    expect(first.faults[0]).toContain("XID errors are not seen");
    expect((await blind.cards()).faults).toEqual([]);
  });
});

test("two machines of one tool do not share what they remember", async () => {
  await using tool = await RecordedTool.create("nvidia-smi", join(recordings, "mig_v12/device"));
  await using driver = nvidia.create(contextWith());
  const options = { program: tool.program, sample: "20ms" };
  await using one = await driver.open({ id: "one", options, profile: undefined });
  await using two = await driver.open({ id: "two", options, profile: undefined });
  await one.read(["cards"], never);
  await one[Symbol.asyncDispose]();
  expect((await two.read(["cards"], never)).points).toHaveLength(2);
});
