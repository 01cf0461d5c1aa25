/**
 * The exam of a driver whose devices speak by themselves: what `Listener` in `drivers/contract.ts`
 * promises, asked of a real device (simulated, but over the driver's own wire).
 */
import { describe, expect, it, vi } from "vitest";
import type { DriverContext, DriverKind, Heard, Session, Target } from "../../drivers/contract.ts";
import type { Place } from "../../drivers/contract.ts";
import { problemOf } from "../../telemetry/index.ts";
import { expectVerdict } from "./driver.ts";

/** A device that the driver can hear. */
export interface SpeakingDevice extends AsyncDisposable {
  readonly context: DriverContext;
  /** Options and profile as the configuration and a profile file hold them. */
  readonly target: Target<unknown, unknown>;
  /** Same driver, but there nothing can ever be heard: `listen` throws. */
  readonly nowhere: Target<unknown, unknown>;
  /** Says one thing, new each time; says it into the void when nobody listens. */
  speak(): Promise<void> | void;
  /** Breaks the way to it; left out by drivers whose way cannot break, such as a listening port. */
  cut?(): Promise<void>;
  /** Mends it again. */
  mend?(): Promise<void>;
}

export interface ListenerExam {
  /** For the report: `nmea over tcp`. */
  readonly name: string;
  readonly kind: DriverKind;
  readonly start: () => Promise<SpeakingDevice>;
  /** What cannot be: a way that breaks. */
  readonly impossible?: readonly "cut"[];
}

/** Long, because the machine may be busy: nothing is decided by it but a failure. @unit ms */
const patience = { timeout: 20_000, interval: 20 };

/** Declares the tests. */
export function listenerExam(exam: ListenerExam): void {
  describe(`the listener exam: ${exam.name}`, { timeout: 60_000 }, () => {
    hearing(exam);
    stopping(exam);
    breaking(exam);
  });
}

interface Seat extends AsyncDisposable {
  readonly device: SpeakingDevice;
  readonly driver: ReturnType<DriverKind["create"]>;
  readonly session: Session;
}

async function sit({ kind, start }: ListenerExam): Promise<Seat> {
  const device = await start();
  const driver = kind.create(device.context);
  const session = await driver.open(device.target);
  return {
    device,
    driver,
    session,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
    },
  };
}

/** One call of `listen` under way. */
class Ear {
  readonly heard: Heard[] = [];
  readonly abort = new AbortController();
  readonly listening: Promise<void>;

  constructor(session: Session) {
    if (session.listen === undefined) throw new Error("the session does not listen");
    this.listening = session.listen((one) => this.heard.push(one), this.abort.signal);
    this.listening.catch(() => undefined);
  }

  /** Lets the device speak until something more was heard: what was said too early is lost. */
  async hears(device: SpeakingDevice): Promise<Heard> {
    const before = this.heard.length;
    await vi.waitFor(async () => {
      await device.speak();
      expect(this.heard.length).toBeGreaterThan(before);
    }, patience);
    const newest = this.heard.at(-1);
    if (newest === undefined) throw new Error("nothing was heard");
    return newest;
  }

  async stop(): Promise<void> {
    this.abort.abort();
    await this.listening;
  }
}

function hearing(exam: ListenerExam): void {
  it("it need not have groups, and reading none of them gives nothing", async () => {
    await using seat = await sit(exam);
    if (seat.session.groups.length > 0) return;
    const reading = await seat.session.read([], new AbortController().signal);
    expect(reading).toEqual({ points: [], faults: [] });
  });

  it("every point heard is in the register, has a quality, and stands once", async () => {
    await using seat = await sit(exam);
    const ear = new Ear(seat.session);
    const { reading, time } = await ear.hears(seat.device);
    expect(reading.faults).toEqual([]);
    expect(reading.points.length).toBeGreaterThan(0);
    for (const point of reading.points) {
      expect(problemOf(point)).toBeUndefined();
      expect(point.fields).toHaveProperty("q");
    }
    const names = reading.points.map(({ measurement, tags }) =>
      JSON.stringify([measurement, tags]),
    );
    expect(new Set(names).size).toBe(names.length);
    if (time !== undefined) expect(Number.isSafeInteger(time)).toBe(true);
    await ear.stop();
  });

  it("a trace shows what stands behind each value, and the origin names its place", async () => {
    await using seat = await sit(exam);
    const ear = new Ear(seat.session);
    const { reading, traces = [] } = await ear.hears(seat.device);
    const traced = new Set(traces.map(({ measurement, field }) => `${measurement} ${field}`));
    for (const { measurement, fields } of reading.points) {
      for (const field of Object.keys(fields)) {
        if (field !== "q") expect(traced).toContain(`${measurement} ${field}`);
      }
    }
    for (const { at, raw } of traces) expect(at.length * raw.length).toBeGreaterThan(0);
    const origin = seat.session.origin?.();
    const places = new Set(origin?.sources.map(placeText));
    if (origin !== undefined) for (const one of traces) expect(places).toContain(placeText(one));
    await ear.stop();
  });

  it("two sessions of one driver both hear, and one goes on when the other ends", async () => {
    await using seat = await sit(exam);
    await using second = await seat.driver.open({ ...seat.device.target, id: "another" });
    const one = new Ear(seat.session);
    const other = new Ear(second);
    await one.hears(seat.device);
    await other.hears(seat.device);
    await other.stop();
    await second[Symbol.asyncDispose]();
    await one.hears(seat.device);
    await one.stop();
  });

  it("the bus key is stable and not empty", async () => {
    await using seat = await sit(exam);
    const key = seat.driver.busKey(seat.device.target);
    expect(key.length).toBeGreaterThan(0);
    expect(seat.driver.busKey(seat.device.target)).toBe(key);
  });
}

function placeText({ measurement, channel, field, at }: Place): string {
  return JSON.stringify([measurement, channel, field, at]);
}

function stopping(exam: ListenerExam): void {
  it("it stops when the signal aborts, hears no more, and can listen again", async () => {
    await using seat = await sit(exam);
    const ear = new Ear(seat.session);
    await ear.hears(seat.device);
    await ear.stop();
    const before = ear.heard.length;
    const again = new Ear(seat.session);
    await again.hears(seat.device);
    expect(ear.heard).toHaveLength(before);
    await again.stop();
  });

  it("aborted before it begins or while it connects, it returns", async () => {
    await using seat = await sit(exam);
    await seat.session.listen?.(() => undefined, AbortSignal.abort());
    const ear = new Ear(seat.session);
    await ear.stop();
    const again = new Ear(seat.session);
    await again.hears(seat.device);
    await again.stop();
  });

  it("it ends when the session closes, twice or not; listening after that rejects", async () => {
    await using seat = await sit(exam);
    const ear = new Ear(seat.session);
    await ear.hears(seat.device);
    await seat.session[Symbol.asyncDispose]();
    await ear.listening;
    await seat.session[Symbol.asyncDispose]();
    await expectVerdict(new Ear(seat.session).listening);
  });

  it("it ends when the driver closes, twice or not", async () => {
    await using seat = await sit(exam);
    const ear = new Ear(seat.session);
    await ear.hears(seat.device);
    await seat.driver[Symbol.asyncDispose]();
    await seat.driver[Symbol.asyncDispose]();
    await ear.listening.catch(() => undefined);
    await expectVerdict(new Ear(seat.session).listening);
  });
}

function breaking(exam: ListenerExam): void {
  it("opening does not wait; listening says when nothing can be heard there", async () => {
    await using device = await exam.start();
    await using driver = exam.kind.create(device.context);
    await using session = await driver.open(device.nowhere);
    await expectVerdict(new Ear(session).listening);
  });

  if (exam.impossible?.includes("cut") === true) return;
  it("when the way breaks it throws, and once it is mended it hears again", async () => {
    await using seat = await sit(exam);
    const { device } = seat;
    const ear = new Ear(seat.session);
    await ear.hears(device);
    if (device.cut === undefined) throw new Error("say how the way breaks, or that it cannot");
    await device.cut();
    await expectVerdict(ear.listening);
    await device.mend?.();
    const again = new Ear(seat.session);
    await again.hears(device);
    await again.stop();
  });
}
