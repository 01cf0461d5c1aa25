/** A hub on a store that only takes lines: it runs, stores, and says what it cannot answer. */
import { expect, test, vi } from "vitest";
import { openFolder } from "../cli/run.ts";
import { startRackstreet } from "../rackstreet.ts";
import { fakeLines } from "./fake_lines.ts";

test("a hub runs on it; a question is refused with what to use instead", async () => {
  using folder = openFolder();
  await using fake = await fakeLines("victoria");
  const file = `${folder.path}/${folder.write(
    "site.yaml",
    `site: lab
agent: { data: ${folder.path}/agent, interval: 100ms }
hub: { data: ${folder.path}/hub }
broker: { listen: ["mqtt://127.0.0.1:0"] }
store: { engine: lines, url: "${fake.url}/insert/0/influx", resend: 30s }
devices: { toy: { driver: sim, interval: 100ms } }
rules:
  stored:
    about: Needs the store's answer.
    severity: warning
    on: stored
    measurement: energy_meter
    field: active_power_w
    above: 1
    every: 1s
    window: 1m
    aggregate: mean
`,
  )}`;
  await using site = startRackstreet(["up", file, "--json"]);
  await vi.waitFor(() => expect(fake.rows.size).toBeGreaterThan(5), { timeout: 20_000 });
  expect((await site.logged("rule cannot be judged"))["problem"]).toContain("takes lines");
  await site.end("SIGTERM");
  const ledger: Record<string, unknown> = JSON.parse(site.stdout().trim().split("\n").at(-1) ?? "");
  expect(ledger).toMatchObject({ queued: 0 });
  expect(ledger["stored"]).toBe(ledger["offered"]);
  expect(fake.requests[0]?.path).toBe("/insert/0/influx/write?precision=ms");
  await using query = startRackstreet(["query", "-c", file]);
  expect(await query.ended()).toBe(78);
  expect(query.stderr()).toMatch(/E_QUERY.*PromQL/);
});
