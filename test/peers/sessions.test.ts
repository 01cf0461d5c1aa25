/** A hub that is killed, as mosquitto's clients with a session see it: the built binary. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { needs } from "../peers.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";
import { builtBinary } from "../setup/build.ts";

const run = promisify(execFile);
const present =
  needs("mosquitto_pub", "mosquitto-clients") && needs("mosquitto_sub", "mosquitto-clients");

const power = "rackstreet/v1/local/main/site/power";

/** What a file of the hub's holds by now. */
function rowsIn(path: string): number[] {
  using database = new DatabaseSync(path, { readOnly: true });
  return ["retained", "queued"].map((table) => {
    const row = database.prepare(`SELECT count(*) AS count FROM ${table}`).get();
    return Number(row?.["count"]);
  });
}

describe.skipIf(!present)("a hub killed with -9", () => {
  it("still has what waited for its clients, and what was retained", async () => {
    const binary = await builtBinary();
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-sessions-"));
    const file = join(folder, "hub.yaml");
    const port = await freePort();
    await writeFile(
      file,
      `hub: { data: ${folder}/hub }
broker: { listen: ["mqtt://127.0.0.1:${port}"] }
store: { engine: sqlite, path: ${folder}/store.sqlite }
`,
    );
    const mosquitto = async (tool: "pub" | "sub", ...args: string[]): Promise<string> =>
      (await run(`mosquitto_${tool}`, ["-p", `${port}`, "-q", "1", ...args])).stdout.trim();
    const session = ["-c", "-i", "city", "-t", `${power}/#`];
    const payloads = ["1", "2", "3", "4", "5"];
    try {
      const first = startRackstreet(["hub", file, "--json"], [binary]);
      await first.logged("hub started");
      await mosquitto("sub", ...session, "-E");
      for (const payload of payloads) {
        await mosquitto("pub", "-t", `${power}/pdu-1/telemetry`, "-m", payload);
      }
      await mosquitto("pub", "-t", `${power}/pdu-1/meta`, "-m", "what it is", "-r");
      const kept = join(folder, "hub/broker.sqlite");
      await vi.waitFor(() => expect(rowsIn(kept)[1]).toBe(payloads.length + 1));
      const [retained] = rowsIn(kept);
      expect(retained).toBeGreaterThan(0);
      await first.end("SIGKILL");
      const second = startRackstreet(["hub", file, "--json"], [binary]);
      await second.logged("hub started");
      // It subscribes again, and so hears what is retained beside what waited.
      const count = `${payloads.length + 2}`;
      const heard = (await mosquitto("sub", ...session, "-C", count, "-W", "20")).split("\n");
      expect(heard.filter((payload) => /^\d$/.test(payload))).toEqual(payloads);
      expect(heard.filter((payload) => payload === "what it is")).toHaveLength(2);
      const meta = await mosquitto("sub", "-t", `${power}/+/meta`, "-C", "1", "-W", "20");
      expect(meta).toBe("what it is");
      await second.end("SIGTERM");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 90_000);
});
