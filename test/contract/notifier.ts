/**
 * The exam of a notifier: what `Notifier` in `alerts/notifiers/contract.ts` promises, asked of the
 * real one and a receiver that a test can break.
 */
import { describe, expect, it } from "vitest";
import type { AlertEvent, Message, Notifier } from "../../alerts/notifiers/contract.ts";
import type { Verdict } from "../../telemetry/index.ts";
import { GatewayError } from "../../telemetry/index.ts";

/** How a receiver may behave. */
export type Mood = "takes" | "fails" | "refuses" | "hangs";

export interface Receiver extends AsyncDisposable {
  readonly notifier: Notifier;
  /** What came, as text, in the order it came. */
  received(): Promise<readonly string[]> | readonly string[];
  /** What it does with the messages that come from now on. */
  turn(mood: Mood): Promise<void> | void;
  /** Texts that must never stand in an error. */
  readonly secrets: readonly string[];
}

export interface NotifierExam {
  /** For the report: `webhook`. */
  readonly name: string;
  readonly start: () => Promise<Receiver>;
}

/** An alert as the queue hands it over. */
export function eventNamed(device: string, state: AlertEvent["state"] = "firing"): AlertEvent {
  const time = Date.UTC(2026, 0, 1);
  return {
    id: `id-${device}-${state}`,
    key: device,
    state,
    rule: "rack-hot",
    about: "Rack inlet above the recommended range; 机柜过热",
    severity: "warning",
    unit: "°C",
    threshold: 27,
    address: { region: "local", org: "main", site: "hall-1", class: "thermal", device },
    place: { zone: "h1", rack: "r1" },
    channel: { sensor: "inlet" },
    value: 28.5,
    since: time,
    time: state === "firing" ? time : time + 60_000,
    queued: time,
  };
}

export function messageOf(events: readonly AlertEvent[], leftOut = 0): Message {
  const kind = events.length > 1 ? "summary" : events.length === 1 ? "alert" : "test";
  return { id: `m-${events[0]?.id ?? "test"}`, kind, time: Date.now(), events, leftOut };
}

/** Declares the tests. */
export function notifierExam({ name, start }: NotifierExam): void {
  describe(`the notifier exam: ${name}`, { timeout: 60_000 }, () => {
    const never = new AbortController().signal;

    it("brings a beginning, an end, a summary and a test", async () => {
      await using receiver = await start();
      const { notifier } = receiver;
      await notifier.send(messageOf([eventNamed("t1")]), never);
      await notifier.send(messageOf([eventNamed("t1", "resolved")]), never);
      await notifier.send(messageOf([eventNamed("t2"), eventNamed("t3")], 7), never);
      await notifier.send(messageOf([]), never);
      const [begin = "", end = "", summary = "", test = ""] = await receiver.received();
      for (const word of ["rack-hot", "t1", "hall-1", "28.5", "机柜过热"]) {
        expect(begin).toContain(word);
        expect(end).toContain(word);
      }
      expect(begin).not.toBe(end);
      expect(summary).toContain("t2");
      expect(summary).toContain("t3");
      expect(test).toMatch(/test/);
    });

    it("says by a verdict whether to try again", async () => {
      await using receiver = await start();
      await receiver.turn("fails");
      expect(await verdictOf(receiver, never)).toBe("retry");
      await receiver.turn("refuses");
      expect(await verdictOf(receiver, never)).toBe("reject");
      await receiver.turn("takes");
      await receiver.notifier.send(messageOf([eventNamed("t9")]), never);
      expect((await receiver.received()).at(-1)).toContain("t9");
    });

    it("ends when it is told to, before and while it sends", async () => {
      await using receiver = await start();
      expect(await verdictOf(receiver, AbortSignal.abort())).toBe("retry");
      await receiver.turn("hangs");
      const stop = new AbortController();
      const ended = verdictOf(receiver, stop.signal);
      setImmediate(() => stop.abort());
      expect(await ended).toBe("retry");
    });
  });
}

async function verdictOf(receiver: Receiver, signal: AbortSignal): Promise<Verdict | "taken"> {
  try {
    await receiver.notifier.send(messageOf([eventNamed("t1")]), signal);
    return "taken";
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    for (const secret of receiver.secrets) expect(error.message).not.toContain(secret);
    return error.verdict;
  }
}
