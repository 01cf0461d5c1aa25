/** What the hub says of itself reaches the rules: no other row tells that the store is down. */
import { expect, it } from "vitest";
import { HubService } from "../../broker/index.ts";
import { brokerOptions } from "../../broker/options.ts";
import { v } from "../../config/index.ts";
import type { UnnumberedBatch } from "../../telemetry/index.ts";
import { MemoryDisk, SeededEntropy, settleAll, silentLog, VirtualClock } from "../virtual.ts";
import { MemoryStore } from "../store/memory_store.ts";
import { site } from "./running.ts";

it("hands its health to the rules", async () => {
  const clock = new VirtualClock(undefined, settleAll);
  const seen: UnnumberedBatch[] = [];
  await using service = await HubService.start(
    {
      broker: { ...v.parse(brokerOptions, {}), listen: [] },
      hub: { id: "hub", data: "", health: 10_000 },
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
