/**
 * What the broker remembers: `aedes-persistence`'s own exam, run by node:test as that wants it, and
 * the bounds of sessions.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { HubPersistence } from "../../broker/persistence.ts";
import type { Packet } from "../../broker/session-queue.ts";
import { root } from "../house/tree.ts";

const run = promisify(execFile);

const ignore = (): void => undefined;
const silent = { retained: ignore, session: ignore, queued: ignore };

const message = (n: number, payload = `${n}`): Packet => ({
  cmd: "publish",
  topic: "a/b",
  payload: Buffer.from(payload),
  qos: 1,
  brokerId: "hub",
  brokerCounter: n,
});

async function drain(persistence: HubPersistence, id: string): Promise<string[]> {
  const found: string[] = [];
  for await (const packet of persistence.outgoingStream({ id })) {
    if (typeof packet === "object" && packet !== null && "payload" in packet) {
      found.push(String(packet.payload));
    }
  }
  return found;
}

describe("the exam of aedes-persistence", () => {
  it("is passed, each part of it", async () => {
    const script = join(root, "test/broker/persistence-exam.ts");
    const args = ["--test-reporter=tap", "--test", script];
    const { stdout } = await run(process.execPath, args, { cwd: root });
    expect(stdout).toMatch(/^# fail 0$/m);
    expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(45);
  });
});

describe("a session", () => {
  it("keeps so many messages and bytes: the oldest goes, unless it is on its way", async () => {
    const limits = { messages: 3, bytes: 10_000 };
    const persistence = new HubPersistence({ limits, changes: silent, granted: () => true });
    const client = { id: "city" };
    await persistence.addSubscriptions(client, [{ topic: "a/#", qos: 1 }]);
    const subscribed = await persistence.subscriptionsByTopic("a/b");
    await persistence.outgoingEnqueueCombi(subscribed, message(1));
    await persistence.outgoingUpdate(client, { ...message(1), messageId: 7 });
    for (let n = 2; n <= 6; n += 1) {
      await persistence.outgoingEnqueueCombi(subscribed, message(n));
    }
    expect(await drain(persistence, "city")).toEqual(["1", "5", "6"]);
    expect(persistence.shed).toBe(3);
    await persistence.outgoingEnqueueCombi(subscribed, message(7, "x".repeat(9500)));
    expect((await drain(persistence, "city")).map((payload) => payload.length)).toEqual([1, 9500]);
    expect(persistence.shed).toBe(5);
  });

  it("is done with QoS 2 at PUBCOMP, also where a client of MQTT 5 refused it", async () => {
    const limits = { messages: 9, bytes: 10_000 };
    const persistence = new HubPersistence({ limits, changes: silent, granted: () => true });
    const client = { id: "city" };
    await persistence.addSubscriptions(client, [{ topic: "a/#", qos: 2 }]);
    const subscribed = await persistence.subscriptionsByTopic("a/b");
    for (const [n, cmd] of ["puback", "pubcomp"].entries()) {
      await persistence.outgoingEnqueueCombi(subscribed, { ...message(n), qos: 2 });
      await persistence.outgoingUpdate(client, { ...message(n), messageId: n + 1 });
      await persistence.outgoingClearMessageId(client, { cmd, messageId: n + 1 });
    }
    expect(await drain(persistence, "city")).toEqual(["0"]);
  });

  it("has none of the subscriptions that were refused", async () => {
    const persistence = new HubPersistence({
      limits: { messages: 3, bytes: 10_000 },
      changes: silent,
      granted: (_client, filter) => filter !== "secret/#",
    });
    const subscriptions = ["open/#", "secret/#"].map((topic) => ({ topic, qos: 1 }));
    await persistence.addSubscriptions({ id: "city" }, subscriptions);
    expect(await persistence.subscriptionsByTopic("secret/x")).toEqual([]);
    expect(await persistence.subscriptionsByTopic("open/x")).toHaveLength(1);
  });
});
