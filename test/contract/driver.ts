/**
 * The exam of a driver: what `drivers/contract.ts` promises, asked of a real device (simulated, but
 * over the driver's own wire). Every driver's tests call `driverExam` once for each way to connect;
 * a driver of devices that speak by themselves takes `listenerExam` (listener.ts).
 */
import { describe, expect, it, vi } from "vitest";
import type { DriverContext, DriverKind, Session, Target } from "../../drivers/contract.ts";
import type { Place, Trace } from "../../drivers/contract.ts";
import type { Point } from "../../telemetry/index.ts";
import { codes, GatewayError, problemOf } from "../../telemetry/index.ts";

/** A device that the driver can read. */
export interface ExamDevice extends AsyncDisposable {
  readonly context: DriverContext;
  /** Options and profile as the configuration and a profile file hold them. */
  readonly target: Target<unknown, unknown>;
  /** Same driver, but nothing answers there; left out when that cannot be. */
  readonly nowhere?: Target<unknown, unknown>;
  /**
   * From now on the device takes requests and answers none; the result tells whether one has been
   * taken. Left out by drivers that wait for nobody.
   */
  readonly fallSilent?: () => () => boolean;
  /** Ends the silence. */
  readonly wake?: () => void;
}

export interface DriverExam {
  /** For the report: `modbus over tcp`. */
  readonly name: string;
  readonly kind: DriverKind;
  readonly start: () => Promise<ExamDevice>;
  /** What cannot be: a device that falls silent, a place where nobody is. */
  readonly impossible?: readonly ("silence" | "nowhere")[];
}

const never = new AbortController().signal;

/** Declares the tests. */
export function driverExam(exam: DriverExam): void {
  describe(`the driver exam: ${exam.name}`, () => {
    readings(exam);
    cancelling(exam);
    absences(exam);
    endings(exam);
  });
}

interface Seat extends AsyncDisposable {
  readonly device: ExamDevice;
  readonly driver: ReturnType<DriverKind["create"]>;
  readonly session: Session;
  /** Names of all groups. */
  readonly all: readonly string[];
}

async function sit({ kind, start }: DriverExam): Promise<Seat> {
  const device = await start();
  const driver = kind.create(device.context);
  const session = await driver.open(device.target);
  const all = session.groups.map((group) => group.name);
  return {
    device,
    driver,
    session,
    all,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
    },
  };
}

function readings(exam: DriverExam): void {
  it("groups: at least one, names differ, the same after a read", async () => {
    await using seat = await sit(exam);
    expect(seat.all.length).toBeGreaterThan(0);
    expect(new Set(seat.all).size).toBe(seat.all.length);
    const before = structuredClone(seat.session.groups);
    await seat.session.read(seat.all, never);
    expect(seat.session.groups).toEqual(before);
    for (const { every } of before) expect(every ?? 1).toBeGreaterThan(0);
  });

  it("every point is in the register, has a quality, and stands once", async () => {
    await using seat = await sit(exam);
    const { points, faults } = await seat.session.read(seat.all, never);
    expect(faults).toEqual([]);
    expect(points.length).toBeGreaterThan(0);
    for (const point of points) {
      expect(problemOf(point)).toBeUndefined();
      expect(point.fields).toHaveProperty("q");
    }
    expect(new Set(names(points)).size).toBe(points.length);
  });

  it("groups one by one give the points of all together", async () => {
    await using seat = await sit(exam);
    const together = await seat.session.read(seat.all, never);
    const apart: string[] = [];
    for (const group of seat.all) {
      apart.push(...names((await seat.session.read([group], never)).points));
    }
    expect(apart.toSorted()).toEqual(names(together.points));
  });

  it("a trace shows what stands behind each value", async () => {
    await using seat = await sit(exam);
    const traces: Trace[] = [];
    const { points } = await seat.session.read(seat.all, never, (trace) => traces.push(trace));
    const traced = new Set(traces.map(({ measurement, field }) => `${measurement} ${field}`));
    for (const { measurement, fields } of points) {
      for (const field of Object.keys(fields)) {
        if (field !== "q") expect(traced).toContain(`${measurement} ${field}`);
      }
    }
    for (const { at, raw } of traces) expect(at.length * raw.length).toBeGreaterThan(0);
  });

  it("its origin names the place of each value that was traced", async () => {
    await using seat = await sit(exam);
    const traces: Trace[] = [];
    await seat.session.read(seat.all, never, (trace) => traces.push(trace));
    const places = new Set(seat.session.origin?.().sources.map(placeText));
    if (seat.session.origin !== undefined) {
      for (const trace of traces) expect(places).toContain(placeText(trace));
    }
  });

  it("the bus key is stable and not empty", async () => {
    await using seat = await sit(exam);
    const key = seat.driver.busKey(seat.device.target);
    expect(key.length).toBeGreaterThan(0);
    expect(seat.driver.busKey({ ...seat.device.target, id: "another" })).toBe(key);
  });

  it("a probe, where there is one, resolves while the device answers", async () => {
    await using seat = await sit(exam);
    await seat.session.probe?.(never);
    expect((await seat.session.read(seat.all, never)).faults).toEqual([]);
    if (seat.session.probe !== undefined) {
      await expectVerdict(seat.session.probe(AbortSignal.abort()));
    }
  });

  it("two sessions of one driver do not disturb each other", async () => {
    await using seat = await sit(exam);
    await using second = await seat.driver.open({ ...seat.device.target, id: "another" });
    const readings = await Promise.all([
      seat.session.read(seat.all, never),
      second.read(seat.all, never),
    ]);
    for (const { points, faults } of readings) {
      expect(faults).toEqual([]);
      expect(points.length).toBeGreaterThan(0);
    }
    await second[Symbol.asyncDispose]();
    expect((await seat.session.read(seat.all, never)).faults).toEqual([]);
  });
}

function placeText({ measurement, channel, field, at }: Place): string {
  return JSON.stringify([measurement, channel, field, at]);
}

function names(points: readonly Point[]): string[] {
  return points.map(({ measurement, tags }) => JSON.stringify([measurement, tags])).toSorted();
}

function cancelling(exam: DriverExam): void {
  it("a read that is cancelled before it begins rejects", async () => {
    await using seat = await sit(exam);
    await expectVerdict(seat.session.read(seat.all, AbortSignal.abort()));
    expect((await seat.session.read(seat.all, never)).faults).toEqual([]);
  });

  if (exam.impossible?.includes("silence") === true) return;
  it("a cancelled read rejects at once, and the session stays usable", async () => {
    await using seat = await sit(exam);
    await seat.session.read(seat.all, never);
    const asked = silenced(seat.device);
    const abort = new AbortController();
    const read = seat.session.read(seat.all, abort.signal);
    const outcome = expectVerdict(read);
    await vi.waitFor(() => expect(asked()).toBe(true));
    abort.abort();
    await outcome;
    seat.device.wake?.();
    expect((await seat.session.read(seat.all, never)).points.length).toBeGreaterThan(0);
  });
}

function absences(exam: DriverExam): void {
  if (exam.impossible?.includes("nowhere") === true) return;
  it("opening does not wait for the device; reading says that nobody is there", async () => {
    await using device = await exam.start();
    if (device.nowhere === undefined) throw new Error("say where nobody is, or that it cannot be");
    await using driver = exam.kind.create(device.context);
    await using session = await driver.open(device.nowhere);
    await expectVerdict(session.read([session.groups[0]?.name ?? ""], never));
  });
}

function endings(exam: DriverExam): void {
  it("closing a session twice is harmless; reading after that rejects", async () => {
    await using seat = await sit(exam);
    await seat.session.read(seat.all, never);
    await seat.session[Symbol.asyncDispose]();
    await seat.session[Symbol.asyncDispose]();
    await expectVerdict(seat.session.read(seat.all, never));
  });

  it("closing a session that was never read is harmless", async () => {
    await using seat = await sit(exam);
    await seat.session[Symbol.asyncDispose]();
  });

  it("closing the driver twice is harmless, sessions open or not", async () => {
    await using seat = await sit(exam);
    await seat.session.read(seat.all, never);
    await seat.driver[Symbol.asyncDispose]();
    await seat.driver[Symbol.asyncDispose]();
  });

  if (exam.impossible?.includes("silence") === true) return;
  it("closing while reading rejects the read", async () => {
    await using seat = await sit(exam);
    const asked = silenced(seat.device);
    const outcome = expectVerdict(seat.session.read(seat.all, never));
    await vi.waitFor(() => expect(asked()).toBe(true));
    await seat.session[Symbol.asyncDispose]();
    await outcome;
  });
}

/** Makes a device silent; the result tells whether it has taken a request since. */
function silenced({ fallSilent }: ExamDevice): () => boolean {
  if (fallSilent === undefined) throw new Error("say how it falls silent, or that it cannot");
  return fallSilent();
}

/** It rejects, with an error of the table whose verdict is not our own fault. */
export async function expectVerdict(read: Promise<unknown>): Promise<void> {
  const error: unknown = await read.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(GatewayError);
  if (!(error instanceof GatewayError)) return;
  expect(codes).toHaveProperty(error.code);
  expect(["retry", "config"]).toContain(error.verdict);
}
