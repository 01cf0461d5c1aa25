/** kill -9 of a hub whose webhook is down: after the restart each alert is told. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { fileOf } from "../../alerts/notifiers/queue-file.ts";
import { isRecord } from "../../telemetry/index.ts";
import { httpReceiver } from "../alerts/notifiers/receiver.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";

const patience = { timeout: 30_000, interval: 50 };

async function siteFile(folder: string, hook: string): Promise<string> {
  const file = join(folder, "site.json");
  const row = { measurement: "rack_power", points: 1, interval: "100ms" };
  const rule = { about: "power", measurement: "rack_power", field: "active_power_w", above: -1 };
  const config = {
    site: "hall",
    agent: { data: join(folder, "agent") },
    hub: { data: join(folder, "hub") },
    broker: { listen: [`mqtt://127.0.0.1:${await freePort()}`] },
    store: { engine: "sqlite", path: join(folder, "store.sqlite") },
    devices: { a: { driver: "sim", ...row }, b: { driver: "sim", ...row } },
    rules: { power: rule },
    notify: { hook: { kind: "webhook", url: hook, secret: "s3cret" } },
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

function alertsIn(body: string): string[] {
  const message: unknown = JSON.parse(body);
  const alerts = isRecord(message) && Array.isArray(message["alerts"]) ? message["alerts"] : [];
  return alerts.filter(isRecord).map(({ id, device, state }) => [id, device, state].join(" "));
}

test("kill -9 between an alert and its webhook loses and repeats nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-notify-"));
  try {
    await using server = await httpReceiver();
    server.turn("fails");
    const file = await siteFile(folder, `http://127.0.0.1:${server.port}/key-in-path`);
    const said: string[] = [];
    for (let run = 0; run < 2; run += 1) {
      await using site = startRackstreet(["up", file, "--json"]);
      await site.logged("notifier failed");
      said.push(site.stderr());
      await site.end("SIGKILL");
    }
    expect(server.posts).toEqual([]);
    server.turn("takes");
    await using site = startRackstreet(["up", file, "--json"]);
    const all = (): string[] => server.posts.flatMap(({ body }) => alertsIn(body));
    const told = (): string[] => [...new Set(all())].map((one) => one.slice(17)).toSorted();
    await vi.waitFor(() => expect(told()).toEqual(["a firing", "b firing"]), patience);
    await site.end("SIGKILL");
    await using again = startRackstreet(["up", file, "--json", "--for", "3s"]);
    expect(await again.ended()).toBe(0);
    expect(told()).toEqual(["a firing", "b firing"]);
    // What was sent in the moment of the kill comes once more, with the same id.
    expect(all().length).toBeLessThanOrEqual(3);
    said.push(site.stderr(), again.stderr());
    expect(said.join("")).not.toMatch(/s3cret|key-in-path/);
    expect(fileOf("hook")).toBe("notify-hook.json");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);
