/** Each law of the ring can be broken: a deliberate mistake in the product is caught by it. */
import { afterEach, expect, test, vi } from "vitest";
import { Bridge } from "../../broker/federation/bridge.ts";
import { Federation } from "../../broker/federation/bridges.ts";
import { PeerRights } from "../../broker/federation/grants.ts";
import { Told } from "../../broker/federation/told.ts";
import { Ingest } from "../../broker/index.ts";
import { Ring } from "./ring.ts";

vi.setConfig({ testTimeout: 300_000 });

let ring: Ring | undefined;
afterEach(() => {
  ring?.end();
  vi.restoreAllMocks();
});

async function sail(seed: number): Promise<Ring> {
  const sea = new Ring(seed, { storms: false });
  ring = sea;
  await sea.sail(6000, 5000);
  await sea.arrive(20_000);
  return sea;
}

test("a bridge that forgets batches breaks law 1", async () => {
  const { take } = Bridge.prototype;
  let batches = 0;
  vi.spyOn(Bridge.prototype, "take").mockImplementation(function (this: Bridge, given) {
    batches += 1;
    return batches % 10 === 0 ? Promise.resolve() : take.call(this, given);
  });
  expect((await sail(1)).judge().join("\n")).toMatch(/law 1: \w+ lacks \w+'s/);
});

test("a hub that stores another value breaks law 2", async () => {
  const { take } = Ingest.prototype;
  vi.spyOn(Ingest.prototype, "take").mockImplementation(function (this: Ingest, topic, ...rest) {
    const [parsed, arrived] = rest;
    const text = Buffer.from(arrived.payload).toString();
    const payload = Buffer.from(text.replace(/"active_power_w":\d+7\b/, '"active_power_w":-1'));
    take.call(this, topic, parsed, arrived.peer === true ? { ...arrived, payload } : arrived);
  });
  expect((await sail(2)).judge().join("\n")).toMatch(/law 2: \w+ holds another/);
});

test("rights that permit everything break law 4, and even so nothing goes round", async () => {
  vi.spyOn(PeerRights.prototype, "permits").mockReturnValue(true);
  const broken = (await sail(3)).judge().join("\n");
  expect(broken).toMatch(/law 4: \w+ holds \w+'s d\d+, never granted|law 4: \w+ sends/);
  expect(broken).not.toMatch(/law 3/);
});

test("without any of its three guards, law 3 is broken", async () => {
  vi.spyOn(PeerRights.prototype, "permits").mockReturnValue(true);
  vi.spyOn(Federation.prototype, "wants").mockReturnValue(true);
  const { take } = Ingest.prototype;
  vi.spyOn(Ingest.prototype, "take").mockImplementation(function (this: Ingest, topic, ...rest) {
    const [parsed, arrived] = rest;
    take.call(this, topic, parsed, { ...arrived, peer: false });
  });
  expect((await sail(5)).judge().join("\n")).toMatch(/law 3: \w+ sends/);
});

test("a bridge that forgets what it told breaks law 4", async () => {
  vi.spyOn(Told.prototype, "topics", "get").mockReturnValue([]);
  const sea = await sail(4);
  sea.revoke("east", "west", "d8");
  await sea.clock.advance(5000);
  expect(sea.judge().join("\n")).toMatch(/law 4: west retains .*d8/);
});
