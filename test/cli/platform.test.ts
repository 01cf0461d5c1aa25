/** The real clock and the real disk, as the rooms see them. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { openFolder, shareFolder } from "../../cli/folder.ts";
import { clock, entropy, lockFolder } from "../../cli/platform.ts";

const folder = mkdtempSync(join(tmpdir(), "rackstreet-platform-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.useRealTimers());

describe("the clock", () => {
  test("waits for longer than Node's timers can, without firing at once", () => {
    vi.useFakeTimers();
    const run = vi.fn<() => void>();
    const days = 86_400_000;
    clock.after(60 * days, run);
    vi.advanceTimersByTime(60 * days - 1);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test("does not run what was cancelled, however far it had waited", () => {
    vi.useFakeTimers();
    const run = vi.fn<() => void>();
    const days = 86_400_000;
    const timer = clock.after(60 * days, run);
    vi.advanceTimersByTime(50 * days);
    timer.cancel();
    vi.advanceTimersByTime(50 * days);
    expect(run).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("runs at once what is late already, without a word of Node about it", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    await new Promise<void>((resolve) => {
      clock.after(-0.4, resolve);
    });
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  test("waits precisely: never too short, and not at all once cancelled", async () => {
    const cancelled = vi.fn<() => void>();
    for (const ms of [0, 0.4, 1.75, 3.65, 20]) {
      clock.precisely?.(ms, cancelled).cancel();
      const began = clock.monotonic();
      await new Promise<void>((resolve) => {
        clock.precisely?.(ms, resolve);
      });
      expect(clock.monotonic() - began).toBeGreaterThanOrEqual(ms);
    }
    expect(cancelled).not.toHaveBeenCalled();
  });

  test("gives whole milliseconds since 1970, and a second hand that never goes back", () => {
    expect(clock.now()).toSatisfy(Number.isSafeInteger);
    const first = clock.monotonic();
    expect(clock.monotonic()).toBeGreaterThanOrEqual(first);
  });
});

test("identifiers are 16 hexadecimal digits and differ", () => {
  expect(entropy.id()).toMatch(/^[0-9a-f]{16}$/);
  expect(entropy.id()).not.toBe(entropy.id());
});

describe("a folder", () => {
  test("makes a file whole, keeps what is written, and leaves nothing half made", async () => {
    const disk = await openFolder(join(folder, "a/b"));
    const file = await disk.open("segment", 5_000_000);
    expect(file.size).toBe(5_000_000);
    await file.write(4_999_998, Uint8Array.of(1, 2));
    await file.sync();
    await file.close();
    const again = await disk.open("segment", 1);
    expect(again.size).toBe(5_000_000);
    expect([...(await again.read(4_999_997, 99))]).toEqual([0, 1, 2]);
    await again.close();
    expect(await disk.list()).toEqual(["segment"]);
  });

  test("replaces, renames and removes", async () => {
    const disk = await openFolder(join(folder, "c"));
    expect(await disk.readAll("one")).toBeUndefined();
    await disk.replace("one", Uint8Array.of(1));
    await disk.replace("one", Uint8Array.of(2));
    await disk.rename("one", "two");
    expect([...((await disk.readAll("two")) ?? [])]).toEqual([2]);
    await disk.remove("two");
    await disk.remove("two");
    expect(readdirSync(join(folder, "c"))).toEqual([]);
    expect(await disk.free()).toBeGreaterThan(0);
  });

  test("leaves everything where another process may be at work", async () => {
    const path = join(folder, "shared");
    await openFolder(path);
    writeFileSync(join(path, "state.new"), "");
    await shareFolder(path);
    expect(readdirSync(path)).toEqual(["state.new"]);
    await openFolder(path);
    expect(readdirSync(path)).toEqual([]);
  });

  test("that cannot be made is E_SPOOL_WRITE with its path", async () => {
    writeFileSync(join(folder, "file"), "");
    const path = join(folder, "file/below");
    await expect(openFolder(path)).rejects.toMatchObject({
      code: "E_SPOOL_WRITE",
      message: `${path}: is not a folder`,
    });
  });

  test.runIf(process.platform === "linux")("is held by one at a time", async () => {
    const path = join(folder, "locked");
    const first = await lockFolder(path);
    await expect(lockFolder(`${path}/.`)).rejects.toMatchObject({ code: "E_SPOOL_LOCKED" });
    await first[Symbol.asyncDispose]();
    await using _second = await lockFolder(path);
  });
});
