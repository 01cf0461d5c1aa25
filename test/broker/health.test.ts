/**
 * What the hub says of itself reaches the rules: no other row tells that the store is down. And
 * what it says of devices outlives a restart.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { connectAsync } from "mqtt";
import { expect, it, vi } from "vitest";
import { HubService } from "../../broker/index.ts";
import { brokerOptions } from "../../broker/options.ts";
import { v } from "../../config/index.ts";
import type { UnnumberedBatch } from "../../telemetry/index.ts";
import { MemoryDisk, SeededEntropy, settleAll, silentLog, VirtualClock } from "../virtual.ts";
import { MemoryStore } from "../store/memory_store.ts";
import { realPlatform } from "./platform.ts";
import { site } from "./running.ts";

it("hands its health to the rules", async () => {
  const clock = new VirtualClock(undefined, settleAll);
  const seen: UnnumberedBatch[] = [];
  await using service = await HubService.start(
    {
      broker: { ...v.parse(brokerOptions, {}), listen: [] },
      hub: { id: "hub", data: "", health: 10_000, ingest: "own" },
      site,
      store: new MemoryStore(),
      disk: new MemoryDisk(),
      observe: (batch) => void seen.push(batch),
      changed: () => undefined,
      vitals: () => ({ rss: 0, loopDelay: 0 }),
    },
    { clock, entropy: new SeededEntropy(), log: silentLog },
  );
  await clock.advance(30_000);
  expect(service.addresses).toEqual([]);
  expect(seen.length).toBeGreaterThan(1);
  expect(seen[0]).toMatchObject({
    address: { ...site, class: "hub", device: "hub" },
    points: [{ measurement: "hub_health", fields: { store_state: 1 } }],
  });
});

const root = "rackstreet/v1/local/main/hall";

/** A hub that keeps what is retained in a folder. */
function startKeeping(folder: string): Promise<HubService> {
  const source = new URL("../../broker/keep/worker.ts", import.meta.url);
  return HubService.start(
    {
      broker: v.parse(brokerOptions, { listen: ["mqtt://127.0.0.1:0"] }),
      hub: { id: "hub", data: "", health: 1000, ingest: "own" },
      site,
      store: new MemoryStore(),
      disk: new MemoryDisk(),
      observe: () => undefined,
      changed: () => undefined,
      keep: { worker: () => new Worker(source), path: join(folder, "broker.sqlite") },
      vitals: () => ({ rss: 0, loopDelay: 0 }),
    },
    realPlatform,
  );
}

it("turns a device stale whose agent died while it was away, and describes itself", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-health-"));
  await using _gone = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
  {
    await using service = await startKeeping(folder);
    const agent = await connectAsync(service.addresses[0] ?? "");
    const say = (kind: string, body: object): Promise<unknown> =>
      agent.publishAsync(`${root}/power/pdu-1/${kind}`, JSON.stringify(body), {
        retain: true,
        qos: 1,
      });
    await say("meta", { v: 1, interval_ms: 1000, measurements: { rack_phase: {} } });
    await say("state", { v: 1, state: "online", reason: "none", since: 1 });
    await agent.endAsync();
  }
  await using service = await startKeeping(folder);
  await vi.waitFor(() => expect(service.devices).toMatchObject([{ state: "stale" }]), 20_000);
  const [device] = service.devices;
  expect(device).toMatchObject({ address: { device: "pdu-1" }, measurements: ["rack_phase"] });
  const reader = await connectAsync(service.addresses[0] ?? "");
  const got: string[] = [];
  reader.on("message", (topic, payload) => got.push(`${topic} ${payload.toString()}`));
  await reader.subscribeAsync([`${root}/power/pdu-1/state`, `${root}/hub/hub/meta`]);
  await vi.waitFor(() => expect(got).toHaveLength(2));
  expect(got.join("\n")).toMatch(/"state":"stale"/);
  expect(got.join("\n")).toMatch(/hub_health.*"undescribed_count":\{"type":"integer"/);
  await reader.endAsync();
});
