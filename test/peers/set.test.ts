/**
 * Setting something on real parts: pymodbus is the lamp, mosquitto_pub the city's lighting
 * department, mbpoll says what the lamp's registers hold afterwards.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { rackstreet } from "../cli/run.ts";
import { needs, needsPython } from "../peers.ts";
import { freePort } from "../ports.ts";
import { startRackstreet } from "../rackstreet.ts";
import { startPython } from "./python.ts";

const run = promisify(execFile);
const ready =
  needs("mosquitto_pub", "mosquitto-clients") &&
  needs("mbpoll", "mbpoll") &&
  needsPython("pymodbus", "python3-pymodbus");

const patience = { timeout: 20_000, interval: 300 };

const profile = `id: dimmer
vendor: Acme
model: Dimmer
class: light
driver: modbus
sources: [written for a test]
confidence: high
points:
  - measurement: street_light
    tags: { lamp: "1" }
    fields: { dim_pct: { at: 16 } }
settings:
  dim_pct: { about: Level of the lamp., range: [0, 100], to: { at: 16 } }
  relay_state: { about: The relay., range: [0, 1], to: { at: 3, table: coil } }
`;

function configOf(folder: string, lamp: number, broker: number): string {
  return `site: street
agent: { data: ${folder}/agent, interval: 500ms }
hub: { data: ${folder}/hub }
store: { engine: sqlite, path: ${folder}/store.sqlite }
profiles: profiles
broker:
  listen: ["mqtt://127.0.0.1:${broker}"]
  users:
    lighting: { password: "\${LIGHTING}", role: reader, set: [rackstreet/v1/+/+/+/light/+/set] }
    parking: { password: "\${PARKING}", role: reader }
devices:
  lamp-7:
    profile: dimmer
    address: "tcp://127.0.0.1:${lamp}"
    unit: 7
    allow: [dim_pct]
`;
}

process.env["LIGHTING"] = "lighting-secret";
process.env["PARKING"] = "parking-secret";

async function startSite() {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-set-"));
  const file = join(folder, "site.yaml");
  const [lamp, broker] = [await freePort(), await freePort()];
  await mkdir(join(folder, "profiles"));
  await writeFile(join(folder, "profiles/dimmer.yaml"), profile);
  await writeFile(file, configOf(folder, lamp, broker));
  const server = await startPython("modbus_server.py", ["tcp", String(lamp)]);
  const site = startRackstreet(["up", file, "--json"]);
  await site.logged("first batch stored");
  const level = async (): Promise<string> => {
    const at = ["-0", "-r", "16", "-c", "1", "-1"];
    const { stdout } = await run("mbpoll", [
      "-m",
      "tcp",
      "-p",
      `${lamp}`,
      "-a",
      "7",
      ...at,
      "127.0.0.1",
    ]);
    return /\[16\]:\s+(\d+)/.exec(stdout)?.[1] ?? stdout;
  };
  return {
    file,
    broker,
    level,
    site,
    async [Symbol.asyncDispose]() {
      await site.end("SIGKILL");
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const root = "rackstreet/v1/local/main/street/light/lamp-7";

/** Publishes a request as mosquitto_pub does and gives the answer, or what it was denied. */
async function ask(port: number, user: string, request: Readonly<Record<string, unknown>>) {
  const login = ["-p", `${port}`, "-u", user, "-P", `${user}-secret`];
  const listening = run("mosquitto_sub", [
    ...login,
    "-i",
    `sub-${user}`,
    "-C",
    "1",
    "-W",
    "10",
    "-t",
    `${root}/result`,
    "-t",
    `rackstreet/v1/local/main/street/client/pub-${user}/denied`,
  ]);
  let answered = false;
  void listening.then(() => (answered = true));
  await vi.waitFor(async () => {
    const now = Date.now();
    const body = { v: 1, time: now, expires: now + 5000, ...request };
    const publish = [
      "-i",
      `pub-${user}`,
      "-q",
      "1",
      "-t",
      `${root}/set`,
      "-m",
      JSON.stringify(body),
    ];
    await run("mosquitto_pub", [...login, ...publish]);
    // The subscription may come after the first request: the same id is answered again.
    expect(answered).toBe(true);
  }, patience);
  return (await listening).stdout;
}

describe.skipIf(!ready)("setting a lamp", () => {
  test("who may does, once; who may not is told; all of it is on record", async () => {
    await using parts = await startSite();
    expect(await parts.level()).toBe("1016");
    const done = await ask(parts.broker, "lighting", { id: "a1", setting: "dim_pct", value: 40 });
    expect(JSON.parse(done)).toMatchObject({ id: "a1", outcome: "done", shown: 40 });
    expect(await parts.level()).toBe("40");

    const denied = await ask(parts.broker, "parking", { id: "b1", setting: "dim_pct", value: 90 });
    expect(denied).toContain("this user may not set this");
    const relay = { id: "a2", setting: "relay_state", value: 1 };
    const refused = await ask(parts.broker, "lighting", relay);
    expect(JSON.parse(refused)).toMatchObject({ outcome: "refused", code: "E_SET_REFUSED" });
    expect(await parts.level()).toBe("40");

    const user = ["--username", "lighting", "--password-from", "${LIGHTING}"];
    const set = await rackstreet(["set", "lamp-7", "dim_pct", "55", "-c", parts.file, ...user]);
    expect([set.code, set.out.trim()]).toEqual([0, "lamp-7 dim_pct = 55: done; it shows 55"]);
    expect(await parts.level()).toBe("55");

    await vi.waitFor(async () => {
      const query = ["query", "device_event", "-c", parts.file, "--since", "5m", "--json"];
      const { out } = await rackstreet(query);
      // Two requests, each accepted and done.
      expect(out).toContain('"set_by":4');
    }, patience);
  }, 60_000);
});
