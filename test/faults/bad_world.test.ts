/** A world that is not ready: the database away, a port that may not be opened, garbage. */
import { spawn, spawnSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import mqtt from "mqtt";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { isRecord } from "../../telemetry/index.ts";
import { needs } from "../peers.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";

const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const patience = { timeout: 20_000, interval: 50 };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rackstreet-bad-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function siteFile(
  name: string,
  store: Record<string, unknown>,
): Promise<{ readonly file: string; readonly port: number }> {
  const port = await freePort();
  const file = join(folder, `${name}.json`);
  const config = {
    site: "bad",
    agent: { data: join(folder, name, "agent"), interval: "100ms" },
    hub: { data: join(folder, name, "hub"), health: "200ms" },
    broker: { listen: [`mqtt://127.0.0.1:${port}`] },
    store,
    devices: { sim: { driver: "sim" } },
  };
  await writeFile(file, JSON.stringify(config));
  return { file, port };
}

function lastLine(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text.trim().split("\n").at(-1) ?? "{}");
  return isRecord(value) ? value : {};
}

describe("an unreachable database", () => {
  test("costs nothing: readings wait, city subscribers get them, one error says so", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { file, port } = await siteFile("away", { engine: "influxdb1", url });
    await using site = startRackstreet(["up", file, "--json"]);
    await site.logged("store failed");
    const city = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
    const heard = new Promise((resolve) => city.once("message", resolve));
    await city.subscribeAsync("rackstreet/v1/+/+/+/power/+/telemetry");
    await heard;
    await city.endAsync();
    await site.end("SIGTERM");
    const ledger = lastLine(site.stdout());
    expect(ledger["stored"]).toBe(0);
    expect(ledger["queued"]).toBe(ledger["offered"]);
    const failures = site.log.filter(({ msg }) => msg === "store failed");
    expect(failures).toHaveLength(1);
    expect(failures[0]?.["code"]).toBe("E_STORE_DOWN");
    expect(String(failures[0]?.["why"])).toContain(url.slice(7));
  });

  test("ends `query` with a sentence and exit code 75", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { file } = await siteFile("ask", { engine: "influxdb1", url });
    const query = startRackstreet(["query", "ups", "-c", file]);
    expect(await query.ended()).toBe(75);
    expect(query.stderr()).toContain("E_STORE_DOWN");
    expect(query.stderr()).not.toContain("    at ");
  });
});

describe("an undecodable message", () => {
  test("is set aside with its reason, counted, and stops nothing", async () => {
    const { file, port } = await siteFile("garbage", {
      engine: "sqlite",
      path: join(folder, "garbage.sqlite"),
    });
    await using site = startRackstreet(["up", file, "--json"]);
    await site.logged("first batch stored");
    const stranger = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
    const topic = "rackstreet/v1/local/main/bad/power/stranger/telemetry";
    for (const payload of ["garbage", "{}", '{"v":1}', Buffer.from([0xff, 0xfe, 0])]) {
      await stranger.publishAsync(topic, payload, { qos: 1 });
    }
    await stranger.endAsync();
    const aside = join(folder, "garbage", "hub", "set-aside.jsonl");
    await vi.waitFor(async () => {
      const lines = (await readFile(aside, "utf8")).trimEnd().split("\n");
      expect(lines).toHaveLength(4);
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ topic });
    }, patience);
    await site.end("SIGTERM");
    const ledger = lastLine(site.stdout());
    expect(ledger["queued"]).toBe(0);
    expect(ledger["stored"]).toBe(ledger["offered"]);
  });
});

describe("an agent whose user is for another site", () => {
  test("is told so, keeps its readings, and the hub takes nothing of it", async () => {
    const { file, port } = await siteFile("stranger", {
      engine: "sqlite",
      path: join(folder, "stranger.sqlite"),
    });
    const given: unknown = JSON.parse(await readFile(file, "utf8"));
    const users = { edge: { password: "p", role: "agent", site: "local/main/elsewhere" } };
    const broker = { listen: [`mqtt://127.0.0.1:${port}`], users };
    const agent = {
      data: join(folder, "stranger", "agent"),
      interval: "100ms",
      uplink: { url: `mqtt://127.0.0.1:${port}`, username: "edge", password: "p" },
    };
    await writeFile(file, JSON.stringify({ ...Object(given), broker, agent }));
    await using hub = startRackstreet(["hub", file]);
    await hub.logged("hub started");
    await using edge = startRackstreet(["agent", file, "--json"]);
    const lost = await edge.logged("uplink lost");
    expect(lost["why"]).toContain("its user is for another site or agent");
    await edge.end("SIGTERM");
    const ledger = lastLine(edge.stdout());
    expect(ledger["stored"]).toBe(0);
    expect(ledger["queued"]).toBe(ledger["offered"]);
  });
});

describe.skipIf(!needs("socat", "socat"))("a serial port", () => {
  test("that may not be opened is named, with the mending command, and exits 78", async () => {
    const [near, far] = [join(folder, "near"), join(folder, "far")];
    const ends = [near, far].map((path) => `PTY,raw,echo=0,link=${path}`);
    const socat = spawn("socat", ends, { stdio: "ignore" });
    try {
      await vi.waitFor(() => stat(near), patience);
      await chmod(near, 0o000);
      await chmod(folder, 0o755);
      const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
      const args = [main, "read", "--profile", "xy-md02", "--port", near];
      const { status, stderr } = spawnSync(process.execPath, args, { ...nobody, encoding: "utf8" });
      expect(stderr).toContain("E_SERIAL_PERMISSION");
      expect(stderr).toContain("usermod -aG dialout");
      expect(status).toBe(78);
    } finally {
      socat.kill();
    }
  });

  test("that is not there is named, and exits 75: it may come back", () => {
    const args = [main, "read", "--profile", "xy-md02", "--port", join(folder, "no-such-port")];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(stderr).toContain("E_SERIAL_MISSING");
    expect(stderr).toContain("no-such-port");
    expect(status).toBe(75);
  });
});
