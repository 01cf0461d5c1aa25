/** The whole agent as a process, with no hub in reach, and a context broker that it tells. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { freePort } from "../../ports.ts";
import { startRackstreet } from "../../rackstreet.ts";
import { startContextBroker } from "./context_broker.ts";

test("an agent shows its devices at a context broker, whatever became of its hub", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-ngsi-ld-"));
  try {
    await using broker = await startContextBroker({ tenant: "city" });
    const file = join(folder, "site.yaml");
    const lines = [
      "site: { name: hall, location: { latitude: 48.1, longitude: 11.6 } }",
      "agent:",
      `  data: ${join(folder, "agent")}`,
      `  uplink: { url: "mqtt://127.0.0.1:${await freePort()}" }`,
      `  ngsiLd: { url: "${broker.url}/", tenant: city, every: 100ms }`,
      "devices:",
      "  meter: { driver: sim, interval: 200ms, location: { latitude: 48.2, longitude: 11.7 } }",
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    await using agent = startRackstreet(["agent", file]);
    const id = "urn:ngsi-ld:Device:local:main:hall:meter";
    await vi.waitFor(() => expect(broker.entities.has(id)).toBe(true), 30_000);
    expect(broker.entities.get(id)).toMatchObject({
      "https://smartdatamodels.org/dataModel.Device/deviceState": { value: "online" },
      location: { value: { coordinates: [11.7, 48.2] } },
    });
    const count = broker.answers.length;
    await vi.waitFor(() => expect(broker.answers.length).toBeGreaterThan(count + 1), 30_000);
    expect(broker.answers.every(({ status }) => status === 201 || status === 204)).toBe(true);
    await agent.end("SIGTERM");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
