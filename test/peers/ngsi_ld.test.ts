/** A hub asked by an NGSI-LD client that nobody here wrote, as a user who may read a part. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { needsPip } from "../peers.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";

const run = promisify(execFile);
const ready = needsPip("ngsildclient", "0.5.2");

/** What the client finds. */
async function asked(port: number): Promise<unknown> {
  const script = join(import.meta.dirname, "ngsi_ld_client.py");
  const { stdout } = await run("/usr/bin/python3", [script, String(port), "city", "pw"]);
  return JSON.parse(stdout);
}

test.skipIf(!ready)(
  "a client finds the devices that its user may read",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-ngsi-ld-hub-"));
    try {
      const [broker, console_] = [await freePort(), await freePort()];
      const file = join(folder, "hub.yaml");
      const lines = [
        "site: { name: hall, location: { latitude: 48.1, longitude: 11.6 } }",
        `hub: { data: ${join(folder, "hub")} }`,
        `agent: { data: ${join(folder, "agent")}, interval: 500ms }`,
        `store: { engine: sqlite, path: ${join(folder, "store.sqlite")} }`,
        "broker:",
        `  listen: [mqtt://127.0.0.1:${broker}]`,
        "  users:",
        "    city: { password: pw, role: reader, read: [rackstreet/v1/local/main/+/power/#] }",
        `console: { listen: http://127.0.0.1:${console_} }`,
        "devices:",
        "  pdu-1: { driver: sim, class: power, rack: r12 }",
        "  pdu-2: { driver: sim, class: power, rack: r13 }",
        "  t-1: { driver: sim, class: thermal }",
      ];
      await writeFile(file, `${lines.join("\n")}\n`);
      await using hub = startRackstreet(["up", file, "--json"]);
      await hub.logged("console started");
      const id = (device: string) =>
        `urn:ngsi-ld:ThreePhaseAcMeasurement:local:main:hall:${device}`;
      await vi.waitFor(
        async () => {
          expect(await asked(console_)).toMatchObject({
            meters: [id("pdu-1"), id("pdu-2")],
            devices: 2,
            exists: true,
            missing: false,
            one: {
              id: id("pdu-1"),
              type: "ThreePhaseAcMeasurement",
              phaseVoltage: { type: "Property", unitCode: "VLT" },
              location: { value: { coordinates: [11.6, 48.1] } },
              quality: { value: "good" },
            },
          });
        },
        { timeout: 60_000, interval: 1500 },
      );
      await hub.end("SIGTERM");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  120_000,
);
