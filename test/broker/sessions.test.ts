/** What the hub remembers: over a connection, over a restart, for whom, and for how long. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import type { IClientOptions } from "mqtt";
import { connect } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import { decodePacket, encodePacket } from "../../broker/keep/packets.ts";
import { Riders } from "../../broker/mqtt5/index.ts";
import type { KeepParts } from "../../broker/sessions.ts";
import { realPlatform } from "./platform.ts";
import { inbox, running } from "./running.ts";
import type { Running } from "./running.ts";

const root = "rackstreet/v1/local/main/hall";
const topic = `${root}/power/pdu-1/telemetry`;
const riders = new Riders(() => 0);
const users = {
  city: { password: "city-secret", role: "reader" },
  other: { password: "other-secret", role: "reader" },
  root: { password: "root-secret", role: "admin" },
};
const city: IClientOptions = { clientId: "app", username: "city", password: "city-secret" };
const admin: IClientOptions = { username: "root", password: "root-secret" };

async function kept(): Promise<KeepParts & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-keep-"));
  const source = new URL("../../broker/keep/worker.ts", import.meta.url);
  return {
    path: join(folder, "broker.sqlite"),
    worker: () => new Worker(source),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Subscribes with a session, and leaves. */
async function subscribeAndLeave(at: Running, options: IClientOptions = city): Promise<void> {
  const client = await at.connect({ ...options, clean: false });
  await client.subscribeAsync(`${root}/#`, { qos: 1 });
  await client.endAsync();
}

async function say(at: Running, ...payloads: readonly string[]): Promise<void> {
  const client = await at.connect(admin);
  for (const payload of payloads) await client.publishAsync(topic, payload, { qos: 1 });
  await client.endAsync();
}

/** Comes back and hears what waited, in order. */
async function comeBack(at: Running, wanted: readonly string[]): Promise<void> {
  const got: string[] = [];
  const client = connect(at.url, { ...city, clean: false, reconnectPeriod: 0 });
  client.on("message", (_topic, payload) => got.push(payload.toString()));
  await vi.waitFor(() => expect(got).toEqual(wanted));
  await client.endAsync();
}

describe("a session", () => {
  it("keeps what was said while its client was away, and each thing once", async () => {
    await using at = await running({ users });
    await subscribeAndLeave(at);
    await say(at, "1", "2", "3");
    await comeBack(at, ["1", "2", "3"]);
    await say(at, "4");
    await comeBack(at, ["4"]);
  });

  it("outlives a restart, with what waits and what was retained [MQTT-3.1.2-4]", async () => {
    await using keep = await kept();
    {
      await using at = await running({ users }, { keep });
      await subscribeAndLeave(at);
      await say(at, "1", "2");
      const client = await at.connect(admin);
      await client.publishAsync(`${root}/power/pdu-1/meta`, "kept", { qos: 1, retain: true });
      await client.publishAsync(`${root}/power/pdu-2/meta`, "gone", { qos: 1, retain: true });
      await client.publishAsync(`${root}/power/pdu-2/meta`, "", { qos: 1, retain: true });
      await client.endAsync();
    }
    await using at = await running({ users }, { keep });
    await comeBack(at, ["1", "2", "kept", "gone", ""]);
    const reader = await at.connect({ ...city, clientId: "later" });
    const got = inbox(reader);
    await reader.subscribeAsync(`${root}/+/+/meta`);
    await vi.waitFor(() => expect(got).toEqual([`${root}/power/pdu-1/meta kept`]));
  });

  it("is its user's: another with the same client identifier is turned away", async () => {
    await using at = await running({ users });
    await subscribeAndLeave(at);
    await say(at, "for city alone");
    for (const clean of [false, true]) {
      const thief = { ...city, username: "other", password: "other-secret", clean };
      await expect(at.connect(thief)).rejects.toThrow(/identifier/i);
    }
    expect(at.hub.counters.rejected).toEqual({ client_id_taken: 2 });
    await comeBack(at, ["for city alone"]);
  });

  it("ends when its client begins anew", async () => {
    await using at = await running({ users });
    await subscribeAndLeave(at);
    await say(at, "lost");
    const client = await at.connect({ ...city, clean: true });
    await client.endAsync();
    const again = await at.connect({ ...city, clean: false });
    const got = inbox(again);
    await again.subscribeAsync(`${root}/#`, { qos: 1 });
    await say(at, "new");
    await vi.waitFor(() => expect(got).toEqual([`${topic} new`]));
  });

  it("ends when its client stays away for too long", async () => {
    let now = Date.now();
    const clock = { ...realPlatform.clock, now: () => now };
    const looks: (() => void)[] = [];
    const after: typeof clock.after = (ms, run) => {
      if (ms !== 60_000) return clock.after(ms, run);
      looks.push(run);
      return { cancel: () => undefined };
    };
    const platform = { ...realPlatform, clock: { ...clock, after } };
    await using at = await running({ users, sessions: { keep: "1h" } }, {}, platform);
    await subscribeAndLeave(at);
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(0));
    await say(at, "kept");
    now += 3_500_000;
    looks.splice(0).forEach((look) => look());
    await comeBack(at, ["kept"]);
    await vi.waitFor(() => expect(at.hub.counters.connections).toBe(0));
    await say(at, "lost");
    now += 3_700_000;
    looks.splice(0).forEach((look) => look());
    const back = await at.connect({ ...city, clean: false });
    const got = inbox(back);
    await back.subscribeAsync(`${root}/#`, { qos: 1 });
    await say(at, "new");
    await vi.waitFor(() => expect(got).toEqual([`${topic} new`]));
  });

  it("is not kept for more clients than allowed", async () => {
    await using at = await running({ users, sessions: { count: 1 } });
    await subscribeAndLeave(at);
    await subscribeAndLeave(at, { ...city, clientId: "second" });
    await say(at, "1");
    await comeBack(at, ["1"]);
    const second = await at.connect({ ...city, clientId: "second", clean: false });
    const got = inbox(second);
    await second.subscribeAsync(`${root}/#`, { qos: 1 });
    await say(at, "2");
    await vi.waitFor(() => expect(got).toEqual([`${topic} 2`]));
  });

  it("hears nothing that its user may not hear any more", async () => {
    await using keep = await kept();
    {
      await using at = await running({ users }, { keep });
      await subscribeAndLeave(at);
      await say(at, "secret by now");
    }
    const less = { ...users, city: { ...users.city, read: [`${root}/thermal/#`] } };
    await using at = await running({ users: less }, { keep });
    const client = await at.connect({ ...city, clean: false });
    const got = inbox(client);
    await client.subscribeAsync(`${root}/thermal/#`, { qos: 1 });
    const writer = await at.connect(admin);
    await writer.publishAsync(topic, "secret too", { qos: 1 });
    await writer.publishAsync(`${root}/thermal/t-1/telemetry`, "warm", { qos: 1 });
    await vi.waitFor(() => expect(got).toEqual([`${root}/thermal/t-1/telemetry warm`]));
  });
});

describe("the file", () => {
  it("that is damaged is set aside, and the hub begins with an empty one", async () => {
    await using keep = await kept();
    await writeFile(keep.path, "no database at all, but long enough to look like one".repeat(100));
    const errors: string[] = [];
    const log = { ...realPlatform.log, error: (event: string) => void errors.push(event) };
    const platform = { ...realPlatform, log };
    for (const waiting of [[], ["1"]]) {
      await using at = await running({ users }, { keep }, platform);
      await comeBack(at, waiting);
      await subscribeAndLeave(at);
      await say(at, "1");
    }
    expect(errors).toEqual(["retained messages and sessions were damaged"]);
    expect(await readFile(`${keep.path}.damaged`, "utf8")).toMatch(/^no database/);
  });

  it("whose thread dies costs the hub its memory, not its end", async () => {
    await using keep = await kept();
    const workers: Worker[] = [];
    const worker = (): Worker => {
      const one = keep.worker();
      workers.push(one);
      return one;
    };
    await using at = await running({ users }, { keep: { ...keep, worker } });
    await workers[0]?.terminate();
    await subscribeAndLeave(at);
    await say(at, "1");
    await comeBack(at, ["1"]);
  });

  it("that cannot be made is a mistake of the configuration", async () => {
    await using keep = await kept();
    await writeFile(keep.path, "");
    const below = { ...keep, path: join(keep.path, "broker.sqlite") };
    await expect(running({}, { keep: below })).rejects.toThrow(/hub\.data: .*broker\.sqlite/);
  });
});

describe("a kept packet", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(
        fc.record({
          cmd: fc.constantFrom("publish", "pubrel"),
          topic: fc.string(),
          payload: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
          qos: fc.constantFrom(0, 1, 2),
          retain: fc.boolean(),
          dup: fc.boolean(),
          brokerId: fc.string(),
          brokerCounter: fc.nat(),
          messageId: fc.option(fc.nat(65_535), { nil: undefined }),
        }),
        (packet) => {
          expect(decodePacket(encodePacket(packet), riders)).toEqual(packet);
        },
      ),
    );
  });

  it("is none where the bytes are others", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => decodePacket(bytes, riders)).not.toThrow();
      }),
    );
    expect(decodePacket(Buffer.from("{}"), riders)).toBeUndefined();
    expect(decodePacket(Buffer.from('{"qos":3}\n'), riders)).toBeUndefined();
  });
});
