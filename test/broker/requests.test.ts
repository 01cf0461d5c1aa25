/** What every hub answers: `latest`, `catalog` and `replay`, within what the asker may read. */
import { connectAsync } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import { narrowed } from "../../broker/asking/retained.ts";
import { momentsOf } from "../../broker/asking/rows.ts";
import { AskProblem, HubService } from "../../broker/index.ts";
import { brokerOptions } from "../../broker/options.ts";
import { v } from "../../config/index.ts";
import type { AnswerPart, Line, UnnumberedBatch } from "../../telemetry/index.ts";
import {
  GatewayError,
  decodeAnswer,
  encodeBatch,
  linesOf,
  topicOf,
} from "../../telemetry/index.ts";
import { MemoryDisk } from "../virtual.ts";
import { MemoryStore } from "../store/memory_store.ts";
import { realPlatform } from "./platform.ts";
import { site } from "./running.ts";

const root = "rackstreet/v1/local/main/hall";
const read = ["rackstreet/v1/local/main/+/power/#", `${root}/power/pdu-1/#`];
const users = {
  city: { password: "pw", role: "reader", read },
  narrow: { password: "pw", role: "reader", read: [`${root}/+/+/telemetry`] },
  root: { password: "pw", role: "admin" },
};
const stream = "edge.00000000b2d4e5f6";
const begin = 1_763_892_000_000;

function addressOf(deviceClass: string, device: string) {
  return { ...site, class: deviceClass, device };
}

function batchOf(device: string, seq: number): UnnumberedBatch & { seq: number; stream: string } {
  const points = ["L1", "L2"].map((phase) => ({
    measurement: "rack_phase",
    tags: { phase },
    fields: { voltage_v: 230 + seq, q: 0 },
  }));
  return {
    kind: "telemetry",
    address: addressOf("power", device),
    place: { rack: "r1" },
    time: begin + seq * 1000,
    points: [...points, { measurement: "rack_power", fields: { active_power_w: seq, q: 0 } }],
    faults: [],
    seq,
    stream,
  };
}

class FailingStore extends MemoryStore {
  down = false;
  override write(lines: readonly Line[]) {
    return this.down ? Promise.reject(new GatewayError("E_STORE_DOWN", "no")) : super.write(lines);
  }
}

async function started(lines: readonly Line[] = []) {
  const store = new FailingStore(lines);
  const service = await HubService.start(
    {
      broker: v.parse(brokerOptions, { listen: ["mqtt://127.0.0.1:0"], users }),
      hub: { id: "hub", data: "", health: 3_600_000, ingest: "own" },
      site,
      store,
      disk: new MemoryDisk(),
      observe: () => undefined,
      changed: () => undefined,
      vitals: () => ({ rss: 0, loopDelay: 0 }),
    },
    realPlatform,
  );
  const admin = await connectAsync(service.addresses[0] ?? "", {
    username: "root",
    password: "pw",
  });
  const publish = (topic: string, body: string | object): Promise<unknown> => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return admin.publishAsync(topic, text, { retain: true, qos: 1 });
  };
  /** Asks over MQTT. */
  const ask = async (username: string, body: object): Promise<readonly AnswerPart["body"][]> => {
    const clientId = `app-${username}`;
    const client = await connectAsync(service.addresses[0] ?? "", {
      username,
      password: "pw",
      clientId,
    });
    const parts: AnswerPart[] = [];
    client.on("message", (_topic, payload) => {
      const decoded = decodeAnswer(payload);
      if ("ok" in decoded) parts.push(decoded.ok);
    });
    await client.subscribeAsync(`${root}/client/${clientId}/answer`, { qos: 1 });
    await client.publishAsync(`${root}/hub/hub/ask`, JSON.stringify({ v: 1, id: "a", ...body }));
    await vi.waitFor(() => expect(parts.at(-1)?.last).toBe(true), 5000);
    await client.endAsync();
    return parts.map((part) => part.body);
  };
  return {
    service,
    store,
    publish,
    ask,
    async [Symbol.asyncDispose]() {
      await admin.endAsync(true);
      await service[Symbol.asyncDispose]();
    },
  };
}

async function site3() {
  const lines = [1, 2, 3, 4].flatMap((seq) => linesOf(batchOf("pdu-1", seq)));
  const at = await started(lines);
  for (const [deviceClass, device] of [
    ["power", "pdu-1"],
    ["power", "pdu-2"],
    ["thermal", "t-1"],
  ] as const) {
    const address = addressOf(deviceClass, device);
    const batch = { ...batchOf(device, 4), address };
    await at.publish(topicOf(address, "telemetry"), encodeBatch(batch, stream, 1, { rack: "r1" }));
    await at.publish(topicOf(address, "state"), { v: 1, state: "online", reason: "none" });
    if (device === "pdu-2") continue;
    const fields = { voltage_v: { type: "float", unit: "V", source: [{ at: "x" }] } };
    const measurements = { rack_phase: { fields }, rack_power: { fields: {} } };
    await at.publish(topicOf(address, "meta"), { v: 1, interval_ms: 1000, measurements });
  }
  return at;
}

/** The things in all parts of an answer. */
function thingsIn(bodies: readonly AnswerPart["body"][]): unknown[] {
  return bodies.flatMap((body) => ("ok" in body && Array.isArray(body.ok) ? body.ok : [body]));
}

const topics = (things: readonly unknown[]): unknown[] =>
  things.map((thing) => v.parse(v.object({ topic: v.string() }), thing).topic);

describe("latest", () => {
  it("gives the newest batch and the state of all that its asker may read, once", async () => {
    await using at = await site3();
    const all = thingsIn(await at.ask("root", { do: "latest" }));
    expect(topics(all)).toHaveLength(3);
    const mine = thingsIn(await at.ask("city", { do: "latest" }));
    expect(topics(mine)).toEqual([
      `${root}/power/pdu-1/telemetry`,
      `${root}/power/pdu-2/telemetry`,
    ]);
    expect(mine[0]).toMatchObject({
      state: { state: "online" },
      message: { v: 1, seq: 4, stream },
    });
    const narrow = thingsIn(await at.ask("narrow", { do: "latest" }));
    expect(narrow).toHaveLength(3);
    expect(narrow[0]).not.toHaveProperty("state");
  });

  it("gives one device alone, and what it says of itself", async () => {
    await using at = await site3();
    const ask = { do: "latest", device: "pdu-1", with: "meta" };
    const [thing, ...more] = thingsIn(await at.ask("city", ask));
    expect(more).toEqual([]);
    expect(thing).toMatchObject({ topic: `${root}/power/pdu-1/telemetry`, meta: { v: 1 } });
    expect(thingsIn(await at.ask("city", { ...ask, device: "t-1" }))).toEqual([]);
  });

  it("looks within a filter, which must be within the grant", async () => {
    await using at = await site3();
    const filter = "rackstreet/v1/+/+/+/thermal/#";
    expect(topics(thingsIn(await at.ask("root", { do: "latest", filter })))).toEqual([
      `${root}/thermal/t-1/telemetry`,
    ]);
    expect(await at.ask("city", { do: "latest", filter })).toMatchObject([
      { problem: expect.stringContaining("this user reads") },
    ]);
    expect(await at.ask("city", { do: "latest", filter: "a#" })).toMatchObject([
      { problem: "filter: not an MQTT topic filter" },
    ]);
  });

  it("comes in parts, each no longer than a message may be", async () => {
    await using at = await started();
    const fill = "x".repeat(20_000);
    for (let n = 0; n < 10; n += 1) {
      await at.publish(`${root}/power/pdu-${n}/telemetry`, { v: 1, fill });
    }
    const parts = await at.ask("city", { do: "latest" });
    expect(parts).toHaveLength(4);
    expect(thingsIn(parts)).toHaveLength(10);
  });
});

describe("catalog", () => {
  it("lists devices with their meta, and those that have none", async () => {
    await using at = await site3();
    const kinds = ["telemetry", "backfill", "event", "meta", "state", "alert"];
    expect(thingsIn(await at.ask("city", { do: "catalog" }))).toEqual([
      {
        topic: `${root}/power/pdu-1`,
        kinds,
        state: { v: 1, state: "online", reason: "none" },
        meta: {
          v: 1,
          interval_ms: 1000,
          measurements: {
            rack_phase: { fields: { voltage_v: { type: "float", unit: "V" } } },
            rack_power: { fields: {} },
          },
        },
      },
      {
        topic: `${root}/power/pdu-2`,
        kinds,
        state: { v: 1, state: "online", reason: "none" },
        meta: null,
      },
    ]);
    const narrow = thingsIn(await at.ask("narrow", { do: "catalog" }));
    expect(narrow).toHaveLength(3);
    expect(narrow[0]).toMatchObject({ kinds: ["telemetry"], state: null, meta: null });
  });
});

describe("replay", () => {
  const filter = `${root}/power/pdu-1/#`;

  it("gives batches of a time as they were, in order, then how many", async () => {
    await using at = await site3();
    const span = { from: begin + 2000, to: begin + 4000 };
    const [first, last] = await at.ask("city", { do: "replay", filter, ...span });
    expect(first).toEqual({
      ok: {
        topic: `${root}/power/pdu-1/telemetry`,
        batches: [2, 3].map((seq) => ({
          time: begin + seq * 1000,
          seq,
          stream: "b2d4e5f6",
          points: batchOf("pdu-1", seq).points.map((point) => ({ tags: {}, ...point })),
        })),
      },
    });
    expect(last).toEqual({ ok: { batches: 2, all: true } });
  });

  it("finds them by their numbers", async () => {
    await using at = await site3();
    const span = { from: begin, seq: [3, 9], stream };
    const [first] = await at.ask("city", { do: "replay", filter, ...span });
    expect(first).toMatchObject({ ok: { batches: [{ seq: 3 }, { seq: 4 }] } });
    const other = { ...span, stream: "edge.0000000000000001" };
    const none = await at.ask("city", { do: "replay", filter, ...other });
    expect(none).toEqual([{ ok: { batches: 0, all: true } }]);
  });

  it("stops at as many as are wanted", async () => {
    await using at = await site3();
    const parts = await at.ask("city", { do: "replay", filter, from: begin, most: 3 });
    expect(parts.at(-1)).toEqual({ ok: { batches: 3, all: false } });
  });

  it.each([
    [{}, /there is no time/],
    [{ from: 2, to: 1 }, /there is no time/],
    [{ from: 0, filter: "rackstreet/v1/#" }, /this user reads/],
    [{ from: -1 }, /^from: /],
    [{ seq: [0, 1] }, /^seq/],
    [{ from: 0, most: 1_000_000 }, /^most: /],
  ])("is refused for %j", async (args, problem) => {
    await using at = await site3();
    const [body] = await at.ask("city", { do: "replay", filter, ...args });
    expect(body).toMatchObject({ problem: expect.stringMatching(problem) });
  });

  it("waits for no store that is down", async () => {
    await using at = await site3();
    at.store.down = true;
    const topic = topicOf(addressOf("power", "pdu-1"), "telemetry");
    await at.publish(topic, encodeBatch(batchOf("pdu-1", 5), stream, 1, {}));
    await vi.waitFor(() => expect(at.service.counts.storeUp).toBe(false));
    const [body] = await at.ask("city", { do: "replay", filter, from: 0 });
    expect(body).toMatchObject({ problem: "the store is down" });
    at.store.down = false;
  });
});

describe("asked by another way than the broker", () => {
  const gone = AbortSignal.timeout(60_000);
  const remote = "127.0.0.1";

  it("answers its users, and nobody else", async () => {
    await using at = await site3();
    const password = Buffer.from("pw");
    const asked = { do: "latest", args: {} };
    const parts = await at.service.ask(asked, { user: "city", password, remote }, gone);
    const found: unknown[] = [];
    for await (const part of parts) found.push(part);
    expect(found).toMatchObject([[{ message: { seq: 4 } }, {}]]);
    for (const [user, secret, why] of [
      ["city", "wrong", "login"],
      [undefined, "", "login"],
    ] as const) {
      const attempt = { user, password: Buffer.from(secret), remote };
      const refused = at.service.ask(asked, attempt, gone);
      await expect(refused).rejects.toMatchObject({ told: { why } });
      await expect(refused).rejects.toBeInstanceOf(AskProblem);
    }
    expect(at.service.refusals?.rejected).toEqual({ credentials: 2 });
  });
});

describe("a filter for one kind", () => {
  it.each([
    ["#", "+/+/+/+/+/+/+/meta"],
    ["rackstreet/v1/#", "rackstreet/v1/+/+/+/+/+/meta"],
    ["a/b/c/d/e/f/g/#", "a/b/c/d/e/f/g/meta"],
    ["a/b/c/d/e/f/g/+", "a/b/c/d/e/f/g/meta"],
    ["a/b/c/d/e/f/g/meta/#", "a/b/c/d/e/f/g/meta"],
    ["a/b/c/d/e/f/g/state", undefined],
    ["a/b/c/d/e/f/g/h/i/#", undefined],
    ["a/+", undefined],
  ])("of %s is %s", (filter, narrow) => {
    expect(narrowed(filter, "meta")).toBe(narrow);
  });
});

describe("moments of several scans", () => {
  it("come in order, whatever pieces they come in, and close what they read", async () => {
    let closed = 0;
    async function* scan(...pieces: readonly number[][]): AsyncGenerator<readonly Line[]> {
      try {
        for (const times of pieces) {
          const rows = times.map((time) => ({ measurement: "m", tags: {}, fields: {}, time }));
          yield await Promise.resolve(rows);
        }
      } finally {
        closed += 1;
      }
    }
    const times: number[][] = [];
    for await (const rows of momentsOf([scan([1, 2], [2], [], [5]), scan(), scan([2, 3])])) {
      times.push(rows.map(({ time }) => time));
      if (rows[0]?.time === 3) break;
    }
    expect(times).toEqual([[1], [2, 2, 2], [3]]);
    expect(closed).toBe(3);
  });
});
