/** What the queue, the pace and the retries of a notifier promise, whatever it is. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fileOf } from "../../../alerts/notifiers/queue-file.ts";
import type { ActiveAlert } from "../../../alerts/index.ts";
import { GatewayError } from "../../../telemetry/index.ts";
import { deviceNamed } from "../rig.ts";
import { activeOf, NotifierRig, transition } from "./rig.ts";

const down = new GatewayError("E_NOTIFY", "down");
const refusing = new GatewayError("E_NOTIFY_REFUSED", "no");
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `d${i}`);
const firings = (count: number) => names(count).map((name) => transition(name, "firing"));

function active(device: string, state?: ActiveAlert["state"]): ActiveAlert {
  return activeOf(transition(device, "firing", 5), state);
}

describe("what a notifier tells", () => {
  it("is the beginning and the end of an alert, once each", async () => {
    const rig = await new NotifierRig().open();
    await rig.tell(transition("a", "pending"));
    await rig.tell(transition("a", "firing", 1000));
    await rig.tell(transition("a", "unknown"), transition("a", "firing"));
    await rig.tell(transition("a", "resolved", 2000), transition("b", "resolved"));
    expect(rig.said()).toEqual(["a firing", "a resolved"]);
    expect(rig.got[1]?.events[0]).toMatchObject({ since: 1000, time: 2000, place: { rack: "r1" } });
    await rig.close();
  });

  it("is chosen by severity and rule", async () => {
    const rig = await new NotifierRig("  severity: critical\n").open();
    await rig.tell(transition("a", "firing"), {
      ...transition("b", "firing"),
      severity: "critical",
    });
    expect(rig.said()).toEqual(["b firing"]);
    const other = await new NotifierRig("  rules: [on-battery]\n").open();
    await other.tell(transition("a", "firing"), {
      ...transition("c", "firing"),
      rule: "on-battery",
    });
    expect(other.said()).toEqual(["c firing"]);
    await rig.close();
    await other.close();
  });

  it("may leave out the ends", async () => {
    const rig = await new NotifierRig("  resolved: false\n").open();
    await rig.tell(transition("a", "firing"), transition("a", "resolved"));
    await rig.tell(transition("a", "firing"));
    expect(rig.said()).toEqual(["a firing", "a firing"]);
    await rig.close();
  });

  it("is its end even when the alert is not chosen any more", async () => {
    const rig = await new NotifierRig().open();
    await rig.tell(transition("a", "firing"));
    await rig.close();
    rig.edit("  severity: critical\n");
    await rig.open([active("a")]);
    await rig.tell(transition("a", "resolved"));
    expect(rig.said()).toEqual(["a firing", "a resolved"]);
    await rig.close();
  });
});

describe("the pace", () => {
  it("lets a burst out, sums up the rest, and fills again", async () => {
    const rig = await new NotifierRig("  burst: 3\n  per_minute: 6\n").open();
    await rig.tell(...firings(150));
    expect(rig.got.map(({ kind }) => kind)).toEqual(["alert", "alert", "summary"]);
    expect(rig.got[2]).toMatchObject({ leftOut: 48 });
    expect(rig.got[2]?.events).toHaveLength(100);
    await rig.tell(transition("d1", "resolved"), transition("d2", "resolved"));
    await rig.clock.advance(9999);
    expect(rig.got).toHaveLength(3);
    await rig.clock.advance(1);
    expect(rig.said()[3]).toBe("d1 resolved, d2 resolved");
    await rig.clock.advance(60_000);
    await rig.tell(transition("d3", "resolved"));
    expect(rig.said()[4]).toBe("d3 resolved");
    await rig.close();
  });

  it("never passes its burst plus its rate", async () => {
    const storm = fc.array(fc.tuple(fc.nat(20_000), fc.integer({ min: 1, max: 20 })), {
      maxLength: 30,
    });
    const property = fc.asyncProperty(storm, async (steps) => {
      const rig = await new NotifierRig("  burst: 4\n  per_minute: 12\n").open();
      let told = 0;
      for (const [wait, count] of steps) {
        await rig.clock.advance(wait);
        await rig.tell(...names(count).map((name) => transition(`${name}-${told}`, "firing")));
        told += count;
        expect(rig.got.length).toBeLessThanOrEqual(4 + (rig.clock.monotonic() * 12) / 60_000);
      }
      await rig.clock.advance(60_000);
      const said = rig.got.reduce((sum, { events, leftOut }) => sum + events.length + leftOut, 0);
      expect(said).toBe(told);
      await rig.close();
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it("does not sum up for receivers that take many at once", async () => {
    const rig = new NotifierRig("  burst: 1\n");
    rig.atOnce = 100;
    await rig.open();
    await rig.tell(...firings(150));
    await rig.clock.advance(60_000);
    expect(rig.got.map(({ events, kind }) => `${events.length} ${kind}`)).toEqual([
      "100 alert",
      "50 alert",
    ]);
    await rig.close();
  });
});

describe("a receiver that fails", () => {
  it("is tried again, later each time, and told everything in the end", async () => {
    const rig = await new NotifierRig().open();
    rig.failure = down;
    await rig.tell(transition("a", "firing"), transition("a", "resolved"));
    await rig.clock.advance(600_000);
    const { failed } = rig.duty;
    expect(failed).toBeGreaterThan(10);
    expect(failed).toBeLessThan(35);
    expect(rig.log.count("notifier failed")).toBe(1);
    rig.failure = undefined;
    await rig.clock.advance(60_000);
    expect(rig.said()).toEqual(["a firing", "a resolved"]);
    expect(rig.log.count("notifier delivers again")).toBe(1);
    await rig.close();
  });

  it("is left alone as long as it asks", async () => {
    const rig = await new NotifierRig().open();
    rig.failure = new GatewayError("E_NOTIFY", "busy", { retryAfterMs: 120_000 });
    await rig.tell(transition("a", "firing"));
    rig.failure = undefined;
    await rig.clock.advance(119_999);
    expect(rig.said()).toEqual([]);
    await rig.clock.advance(1);
    expect(rig.said()).toEqual(["a firing"]);
    await rig.close();
  });

  it("that refuses a message loses it, and gets the next", async () => {
    const rig = await new NotifierRig().open();
    rig.failure = refusing;
    await rig.tell(transition("a", "firing"));
    rig.failure = undefined;
    await rig.tell(transition("b", "firing"));
    expect(rig.said()).toEqual(["b firing"]);
    expect(rig.duty).toMatchObject({ refused: 1, sent: 1, waiting: 0 });
    await rig.close();
  });

  it("costs at most `queue` events and `expire`, both counted", async () => {
    const rig = await new NotifierRig("  queue: 5\n  expire: 1h\n").open();
    rig.failure = down;
    await rig.tell(...firings(8));
    expect(rig.duty).toMatchObject({ waiting: 5, shed: 3 });
    await rig.clock.advance(3_700_000);
    expect(rig.duty).toMatchObject({ waiting: 0, expired: 5 });
    rig.failure = undefined;
    await rig.tell(transition("x", "firing"));
    expect(rig.said()).toEqual(["x firing"]);
    await rig.close();
  });

  it("that never answers is given up after `timeout`", async () => {
    const rig = await new NotifierRig("  timeout: 5s\n").open();
    rig.hangs = true;
    await rig.tell(transition("a", "firing"));
    await rig.clock.advance(4999);
    expect(rig.duty.failed).toBe(0);
    await rig.clock.advance(1);
    expect(rig.duty).toMatchObject({ failed: 1, waiting: 1 });
    await rig.clock.advance(1000);
    // Ends at once, though an attempt is under way.
    await rig.close();
  });
});

describe("a crash", () => {
  it("loses nothing that was remembered and repeats nothing that was told", async () => {
    const rig = await new NotifierRig().open();
    await rig.tell(transition("a", "firing"));
    rig.failure = down;
    await rig.tell(transition("b", "firing"), transition("a", "resolved"));
    rig.crash();
    rig.failure = undefined;
    await rig.open([active("b")]);
    // The engine may come to the same transition again.
    await rig.tell(transition("b", "firing"));
    expect(rig.said()).toEqual(["a firing", "b firing", "a resolved"]);
    await rig.close();
  });

  it("between sending and remembering repeats one message, with the same id", async () => {
    const rig = await new NotifierRig().open();
    rig.disk.failure = undefined;
    await rig.notifiers.remember([transition("a", "firing")]);
    const before = rig.disk.bytesOf(fileOf("duty"));
    await rig.clock.advance(0);
    rig.crash();
    await rig.disk.replace(fileOf("duty"), before);
    await rig.open([active("a")]);
    await rig.close();
    await rig.open([active("a")]);
    await rig.close();
    expect(rig.said()).toEqual(["a firing", "a firing"]);
    expect(rig.got[0]?.id).toBe(rig.got[1]?.id);
  });

  it("is made good a minute after the start: what fires is told, what is over too", async () => {
    const rig = await new NotifierRig().open();
    await rig.tell(transition("a", "firing"), transition("b", "firing"));
    rig.crash();
    await rig.open([active("b", "unknown"), active("c"), active("d", "pending")]);
    await rig.clock.advance(59_999);
    expect(rig.said()).toEqual(["a firing", "b firing"]);
    await rig.clock.advance(1);
    expect(rig.said()).toEqual(["a firing", "b firing", "c firing", "a resolved"]);
    await rig.close();
  });

  it("that made an alert pending again waits for its end", async () => {
    const rig = await new NotifierRig().open();
    await rig.tell(transition("a", "firing"));
    rig.crash();
    const now = [active("a", "pending")];
    await rig.open(now);
    await rig.clock.advance(120_000);
    expect(rig.said()).toEqual(["a firing"]);
    now.pop();
    await rig.clock.advance(60_000);
    expect(rig.said()).toEqual(["a firing", "a resolved"]);
    await rig.close();
  });

  it("with a damaged queue starts anew, and keeps the file", async () => {
    const rig = new NotifierRig();
    await rig.disk.replace(fileOf("duty"), new TextEncoder().encode('{"v":1,"waiting":7}'));
    await rig.open([active("a")]);
    await rig.clock.advance(60_000);
    expect(rig.said()).toEqual(["a firing"]);
    expect([...rig.disk.files.keys()]).toContain("notify-duty.damaged.json");
    await rig.close();
  });
});

describe("a disk that refuses", () => {
  it("delays no message and is logged once", async () => {
    const rig = await new NotifierRig().open();
    rig.disk.failure = new Error("full");
    await rig.tell(transition("a", "firing"));
    await rig.tell(transition("b", "firing"));
    expect(rig.said()).toEqual(["a firing", "b firing"]);
    expect(rig.log.count("notifier queue was not written")).toBe(1);
    await rig.close();
  });
});

describe("a receiver that forgets", () => {
  it("is told what stands, again and again", async () => {
    const rig = new NotifierRig();
    rig.standsEvery = 60_000;
    rig.atOnce = 2;
    await rig.open();
    await rig.tell(...firings(3));
    await rig.clock.advance(60_000);
    expect(rig.stood.map((events) => events.length)).toEqual([2, 1]);
    await rig.tell(transition("d0", "resolved"), transition("d1", "resolved"));
    await rig.clock.advance(60_000);
    expect(rig.stood.at(-1)?.map(({ address }) => address)).toEqual([deviceNamed("d2")]);
    await rig.close();
  });
});
