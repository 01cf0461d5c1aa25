/** The lines of docs/other-brokers.md for Mosquitto, with Debian's. */
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import { needs } from "../peers.ts";
import { startRackstreet } from "../rackstreet.ts";
import { startMosquitto } from "./mosquittod.ts";

const present = needs("mosquitto", "mosquitto");
const page = new URL("../../docs/other-brokers.md", import.meta.url);

/** The block of the page that begins with this line. */
async function block(first: string): Promise<string> {
  const text = await readFile(page, "utf8");
  const found = text.split("```").find((part) => part.startsWith(`conf\n${first}\n`));
  if (found === undefined) throw new Error(`docs/other-brokers.md has no block ${first}`);
  return found.slice("conf\n".length);
}

describe.skipIf(!present)("agent, hub and reader at mosquitto", { timeout: 90_000 }, () => {
  it("have what they need, and no more", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-brokers-"));
    await chmod(folder, 0o755);
    const [acl, passwd] = [join(folder, "acl"), join(folder, "passwd")];
    await writeFile(acl, await block("# /etc/mosquitto/acl"));
    await writeFile(passwd, "hub:h\nedge-1:e\ncity:c\n");
    expect(spawnSync("mosquitto_passwd", ["-U", passwd]).status).toBe(0);
    await chmod(passwd, 0o644);
    const lines = (await block("# mosquitto.conf")).split("\n").filter((line) => {
      const own = /^(#|listener|allow_anonymous|password_file|acl_file)/;
      return line !== "" && !own.test(line);
    });
    const files = [`password_file ${passwd}`, `acl_file ${acl}`];
    await using mosquitto = await startMosquitto([...files, ...lines]);
    const config = join(folder, "site.json");
    const site = {
      site: "hall",
      agent: {
        id: "edge-1",
        data: join(folder, "agent"),
        uplink: { url: mosquitto.url, username: "edge-1", password: "${EDGE}", mqtt: "auto" },
      },
      hub: { data: join(folder, "hub") },
      broker: { outside: { url: mosquitto.url, username: "hub", password: "${HUB}" } },
      store: { engine: "sqlite", path: join(folder, "store.sqlite") },
      devices: { "pdu-1": { driver: "sim", class: "power", interval: "200ms" } },
    };
    await writeFile(config, JSON.stringify(site));
    vi.stubEnv("HUB", "h");
    vi.stubEnv("EDGE", "e");
    await using hub = startRackstreet(["hub", config]);
    await using _agent = startRackstreet(["agent", config]);
    const as = (username: string, password: string) =>
      connectAsync(mosquitto.url, { protocolVersion: 5, username, password });
    const city = await as("city", "c");
    const heard: string[] = [];
    city.on("message", (topic) => heard.push(topic));
    await city.subscribeAsync("rackstreet/v1/#", { qos: 1 });
    const topic = "rackstreet/v1/local/main/hall/power/pdu-1/telemetry";
    await vi.waitFor(() => expect(heard).toContain(topic), { timeout: 60_000 });
    await hub.logged("first batch stored");
    expect(heard.filter((one) => !one.includes("/power/"))).toEqual([]);
    const edge = await as("edge-1", "e");
    const foreign = edge.publishAsync(topic.replace("hall", "other"), "x", { qos: 1 });
    await expect(foreign).rejects.toMatchObject({ code: 0x87 });
    await city.endAsync();
    await edge.endAsync();
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  });
});
