/**
 * The real thing, every part a process of its own:
 *
 *   agent ─ wire of its namespace ─ link ─► hub's broker ─► hub ─ link ─► InfluxDB
 *   on a small disk                         mosquitto (a bridge) ─► the city's subscriber
 *
 * or, `outside`, with mosquitto as the one broker that agent, hub and subscriber share.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRecord } from "../../../telemetry/index.ts";
import type { Influxd } from "../../peers/influxd.ts";
import { startInfluxd } from "../../peers/influxd.ts";
import type { Mosquitto } from "../../peers/mosquittod.ts";
import { startMosquitto } from "../../peers/mosquittod.ts";
import { freePort } from "../../ports.ts";
import { startRackstreet } from "../../rackstreet.ts";
import { builtBinary } from "../../setup/build.ts";
import { devices } from "../site.ts";
import { mayUseKernel, Namespace, SmallDisk } from "./kernel.ts";
import { TcpLink } from "./link.ts";
import type { Victim } from "./role.ts";
import { Role } from "./role.ts";

const subscription = "rackstreet/v1/+/+/+/power/+/telemetry";
/** Room for the spool and for InfluxDB's log. @unit MiB */
const sizes = { spool: 16, wal: 32 };

export type Subject = "agent" | "hub" | "influxd" | "mosquitto";

export class World implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  readonly #binary: string;
  readonly started = Date.now();
  readonly folder: string;
  readonly config: string;
  /** `device time` of each batch that the agent called spooled. */
  readonly spooled = new Set<string>();
  readonly victims: Readonly<Record<Subject, Victim>>;
  readonly roles: readonly [Role, Role];
  readonly influxd: Influxd;
  readonly uplink: TcpLink;
  readonly storeLink: TcpLink;
  readonly namespace: Namespace | undefined;
  readonly disks: readonly [SmallDisk, SmallDisk] | undefined;
  #city: ChildProcess | undefined;
  readonly #cityArgs: readonly string[];
  /** By device: the time of the newest value that the city's subscriber was given. */
  readonly seen = new Map<string, number>();

  private constructor(parts: {
    readonly binary: string;
    readonly folder: string;
    readonly config: string;
    readonly influxd: Influxd;
    readonly mosquitto: Mosquitto;
    readonly uplink: TcpLink;
    readonly storeLink: TcpLink;
    readonly kernel: Kernel | undefined;
  }) {
    this.#binary = parts.binary;
    this.folder = parts.folder;
    this.config = parts.config;
    this.influxd = parts.influxd;
    this.uplink = parts.uplink;
    this.storeLink = parts.storeLink;
    this.namespace = parts.kernel?.namespace;
    this.disks = parts.kernel?.disks;
    const hub = new Role([parts.binary], ["hub", parts.config], () => undefined);
    const agent = new Role(
      this.namespace?.command(parts.binary) ?? [parts.binary],
      ["agent", parts.config],
      ({ log }) => this.#keepSpooled(log),
    );
    this.roles = [agent, hub];
    this.victims = { agent, hub, influxd: parts.influxd, mosquitto: parts.mosquitto };
    const { port } = new URL(parts.mosquitto.url);
    this.#cityArgs = ["-p", port, "-t", subscription, "-q", "1", "-F", "%t %p"];
    this.#subscribe();
  }

  static async start(outside: boolean): Promise<World> {
    const binary = await builtBinary();
    await using parts = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "rackstreet-chaos-"));
    parts.defer(() => rm(folder, { recursive: true, force: true }));
    const kernel = mayUseKernel() ? await openKernel(parts) : undefined;
    const [spoolDisk, walDisk] = kernel?.disks ?? [];
    const influxd = parts.use(
      await startInfluxd(walDisk === undefined ? {} : { wal: walDisk.path }),
    );
    const hubPort = await freePort();
    const mosquitto = parts.use(await startMosquitto(outside ? [] : bridgeTo(hubPort)));
    const brokerPort = outside ? Number(new URL(mosquitto.url).port) : hubPort;
    const storeLink = parts.use(await TcpLink.open(Number(new URL(influxd.url).port)));
    const host = kernel?.namespace.address ?? "127.0.0.1";
    const uplink = parts.use(await TcpLink.open(brokerPort, host));
    const config = join(folder, "site.json");
    const broker = `mqtt://127.0.0.1:${brokerPort}`;
    await writeFile(
      config,
      JSON.stringify({
        site: "chaos",
        log: "debug",
        agent: {
          data: join(spoolDisk?.path ?? folder, "agent"),
          health: "1s",
          uplink: { url: `mqtt://${host}:${uplink.port}`, resend: "2s", keepalive: "3s" },
          spool: { size: "8MiB", segment: "256KiB" },
        },
        hub: { data: join(folder, "hub"), health: "1s" },
        broker: outside ? { outside: { url: broker } } : { listen: [broker] },
        store: { engine: "influxdb1", url: `http://127.0.0.1:${storeLink.port}`, timeout: "5s" },
        devices: Object.fromEntries(
          devices.map((id, seed) => [id, { driver: "sim", points: 2, seed, interval: "200ms" }]),
        ),
      }),
    );
    // The same seen from a machine that has neither spool nor broker.
    const store = { engine: "influxdb1", url: influxd.url };
    const away = { data: join(folder, "away"), uplink: { url: "mqtt://127.0.0.1:1" } };
    const elsewhere = { site: "chaos", agent: away, hub: { data: join(folder, "hub") }, store };
    await writeFile(join(folder, "elsewhere.json"), JSON.stringify(elsewhere));
    const world = new World({
      binary,
      folder,
      config,
      influxd,
      mosquitto,
      uplink,
      storeLink,
      kernel,
    });
    world.#parts.use(parts.move());
    return world;
  }

  /** `rackstreet audit CONFIG --json`: its answer, with its exit code. */
  async audit(config: string, ...more: readonly string[]): Promise<Record<string, unknown>> {
    const { port } = this.uplink;
    const url = `mqtt://${this.namespace?.address ?? "127.0.0.1"}:${port}`;
    const args = ["audit", config, "--json", "--url", url, ...more];
    const run = startRackstreet(args, [this.#binary]);
    const code = await run.ended();
    if (run.stdout() === "") throw new Error(`audit ended with ${code}: ${run.stderr()}`);
    const answer: unknown = JSON.parse(run.stdout());
    return { code, ...(isRecord(answer) ? answer : {}) };
  }

  /** Takes note of what the agent running now has spooled. */
  keepSpooled(): void {
    this.#keepSpooled(this.roles[0].process.log);
  }

  /** Writes down what agent and hub wrote, for a person; returns the folder. */
  async keepLogs(seed: number): Promise<string> {
    const folder = join(tmpdir(), `rackstreet-chaos-logs-${seed}`);
    await mkdir(folder, { recursive: true });
    const [agent, hub] = this.roles;
    await writeFile(join(folder, "agent.log"), agent.said);
    await writeFile(join(folder, "hub.log"), hub.said);
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const city = this.#city;
    this.#city = undefined;
    city?.kill("SIGKILL");
    for (const role of this.roles) await role[Symbol.asyncDispose]();
    await this.#parts.disposeAsync();
  }

  #keepSpooled(log: readonly Readonly<Record<string, unknown>>[]): void {
    for (const { msg, kind, device, time } of log) {
      if (msg === "batch spooled" && kind === "telemetry" && devices.includes(String(device))) {
        this.spooled.add(`${String(device)} ${String(time)}`);
      }
    }
  }

  /** The city's subscriber; it comes back whatever ends it. */
  #subscribe(): void {
    // Into a pipe it would write a few KiB at once.
    const child = spawn("stdbuf", ["-oL", "mosquitto_sub", ...this.#cityArgs], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#city = child;
    let text = "";
    child.stdout?.on("data", (bytes: Buffer) => {
      const lines = (text + bytes.toString()).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#see(line);
    });
    child.once("close", () => {
      if (this.#city === child) setTimeout(() => this.#city === child && this.#subscribe(), 500);
    });
  }

  #see(line: string): void {
    const [, device, time] = /\/power\/([^/]+)\/telemetry .*?"time":(\d+)/.exec(line) ?? [];
    if (device !== undefined)
      this.seen.set(device, Math.max(Number(time), this.seen.get(device) ?? 0));
  }
}

interface Kernel {
  readonly namespace: Namespace;
  readonly disks: readonly [SmallDisk, SmallDisk];
}

async function openKernel(parts: AsyncDisposableStack): Promise<Kernel> {
  const namespace = parts.use(Namespace.open());
  const spool = parts.use(await SmallDisk.mount(sizes.spool));
  const wal = parts.use(await SmallDisk.mount(sizes.wal));
  return { namespace, disks: [spool, wal] };
}

/** Mosquitto as the city's own broker: it fetches everything from the hub's. */
function bridgeTo(port: number): readonly string[] {
  return [
    "connection hub",
    `address 127.0.0.1:${port}`,
    "topic rackstreet/v1/# in 1",
    "bridge_protocol_version mqttv311",
    "try_private false",
    "notifications false",
    "cleansession true",
    "restart_timeout 1 2",
    "keepalive_interval 5",
  ];
}
