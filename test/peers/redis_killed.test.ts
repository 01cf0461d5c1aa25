/**
 * Two hubs of one region over a real Redis, processes of their own with one InfluxDB, and agents
 * that come to whichever takes them: what is left when a hub, or Redis, is killed under load.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { describe, expect, it, vi } from "vitest";
import { needs } from "../peers.ts";
import { freePort, portOf } from "../ports.ts";
import type { Rackstreet } from "../rackstreet.ts";
import { startRackstreet } from "../rackstreet.ts";
import { startInfluxd } from "./influxd.ts";
import { startRedis } from "./redisd.ts";

const present = needs("redis-server", "redis-server") && needs("influxd", "influxdb");
const patience = { timeout: 60_000, interval: 100 };
const agents = ["edge-1", "edge-2"];
const devices = Array.from({ length: 10 }, (_, n) => `sim-${n}`);

/** Takes connections and hands each to the first of some ports that answers. */
async function front(
  ports: readonly number[],
): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    const next = ([port, ...others]: readonly number[]): void => {
      if (port === undefined) return void socket.destroy();
      const inner = connect(port, "127.0.0.1");
      inner.once("error", () => next(others));
      inner.once("connect", () => {
        inner.removeAllListeners("error").on("error", () => undefined);
        inner.on("close", () => socket.destroy());
        socket.on("close", () => inner.destroy());
        socket.pipe(inner).pipe(socket);
      });
    };
    next(ports);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server.address()),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

interface Hub {
  readonly file: string;
  readonly port: number;
  readonly web: number;
}

async function health({ web }: Hub): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await fetch(`http://127.0.0.1:${web}/health`);
  return { status: answer.status, body: await answer.text() };
}

function turnedStale(hub: Rackstreet): number {
  return hub.log.filter(({ msg, state }) => msg === "device turned" && state === "stale").length;
}

function count(process: Rackstreet, event: string): number {
  return process.log.filter(({ msg }) => msg === event).length;
}

describe.skipIf(!present)("two hubs over Redis, killed with -9 under load", () => {
  it("nothing that was spooled is missing, and no device was called stale", async () => {
    await using made = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-pair-"));
    made.defer(() => rm(folder, { recursive: true, force: true }));
    const redis = made.use(await startRedis(["--requirepass", "redis-secret"]));
    const influxd = made.use(await startInfluxd());
    const hubOf = async (id: string): Promise<Hub> => {
      const [port, web] = [await freePort(), await freePort()];
      const file = join(folder, `${id}.yaml`);
      await writeFile(
        file,
        `hub: { id: ${id}, data: ${folder}/${id} }
broker:
  listen: ["mqtt://127.0.0.1:${port}"]
  redis: { url: "${redis.url}", password: redis-secret }
console: { listen: "http://127.0.0.1:${web}" }
store: { engine: influxdb1, url: "${influxd.url}", database: dc }
`,
      );
      return { file, port, web };
    };
    const [a, b] = [await hubOf("hub-a"), await hubOf("hub-b")];
    const start = async ({ file }: Hub): Promise<Rackstreet> => {
      const hub = made.use(startRackstreet(["hub", file, "--json"]));
      await hub.logged("hub started");
      return hub;
    };
    const [first, second] = [await start(a), await start(b)];
    const at = made.use(await front([a.port, b.port]));
    const edges: Rackstreet[] = [];
    for (const id of agents) {
      const file = join(folder, `${id}.yaml`);
      await writeFile(
        file,
        `agent:
  id: ${id}
  data: ${folder}/${id}
  interval: 500ms
  uplink: { url: "mqtt://127.0.0.1:${at.port}", resend: 2s }
devices:
${devices.map((name) => `  ${id}-${name}: { driver: sim, class: power }`).join("\n")}
`,
      );
      edges.push(made.use(startRackstreet(["agent", file, "--json"])));
    }

    // Who reads at one hub hears of all of them, wherever they are.
    const reader = await connectAsync(`mqtt://127.0.0.1:${b.port}`, { reconnectPeriod: 0 });
    made.defer(() => reader.endAsync(true));
    const heard = new Map<string, number>();
    reader.on("message", (topic) => void heard.set(topic, (heard.get(topic) ?? 0) + 1));
    await reader.subscribeAsync("rackstreet/v1/+/+/+/power/+/telemetry", { qos: 1 });
    const each = async (times: number): Promise<void> => {
      heard.clear();
      await vi.waitFor(() => {
        const live = [...heard].filter(([topic]) => topic.endsWith("/telemetry"));
        expect(live).toHaveLength(agents.length * devices.length);
        for (const [, got] of live) expect(got).toBeGreaterThanOrEqual(times);
      }, patience);
    };
    // One that comes to no other hub: its will is the other hub's to publish.
    const widow = "rackstreet/v1/local/main/site/agent/widow/state";
    const will = { topic: widow, payload: Buffer.from("offline"), qos: 1 as const, retain: true };
    const dying = await connectAsync(`mqtt://127.0.0.1:${a.port}`, { reconnectPeriod: 0, will });
    dying.on("error", () => undefined);
    await reader.subscribeAsync("rackstreet/v1/+/+/+/agent/+/state", { qos: 1 });
    const states: string[] = [];
    reader.on("message", (topic, payload) => {
      if (topic.endsWith("/state")) states.push(`${topic} ${payload.toString()}`);
    });
    await each(8);
    expect(turnedStale(second)).toBe(0);
    expect(first.log.some(({ msg }) => msg === "first batch stored")).toBe(true);
    expect(second.log.some(({ msg }) => msg === "first batch stored")).toBe(false);

    await first.end("SIGKILL");
    await second.logged("first batch stored");
    await each(4);
    expect(turnedStale(second)).toBe(0);
    await second.logged("a hub is gone");
    await vi.waitFor(() => expect(states).toContain(`${widow} offline`), patience);
    // Those that came to it are online for it, whatever they left at the other.
    for (const id of agents) {
      const last = states.filter((line) => line.includes(`/agent/${id}/`)).at(-1) ?? "";
      expect(last).not.toContain('"offline"');
    }

    await redis.kill9();
    await second.logged("redis is away");
    await vi.waitFor(async () => {
      expect(await health(b)).toEqual({
        status: 503,
        body: expect.stringContaining('"redis"'),
      });
    }, patience);
    await each(4);
    const third = await start(a);
    await redis.restart();
    await second.logged("redis is back");
    await third.logged("redis is back");
    await vi.waitFor(async () => expect((await health(b)).status).toBe(200), patience);
    await each(4);
    expect(count(second, "redis is away")).toBe(1);

    for (const edge of edges) {
      await edge.end("SIGTERM");
      const ledger = JSON.parse(edge.stdout().trim().split("\n").at(-1) ?? "");
      expect(ledger).toMatchObject({ queued: 0 });
      expect(ledger.offered).toBe(ledger.stored);
      expect(ledger.offered).toBeGreaterThan(100);
    }
    const audit = startRackstreet(["audit", b.file, "--json"]);
    expect(await audit.ended(), audit.stdout() + audit.stderr()).toBe(0);
    for (const hub of [first, second, third]) {
      expect(hub.stderr() + hub.stdout()).not.toContain("redis-secret");
    }
    await Promise.all([second.end("SIGTERM"), third.end("SIGTERM")]);
  }, 180_000);
});
