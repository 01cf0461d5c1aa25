/** One life of an edge node over a real mosquitto, every packet of it watched on the wire. */
import { connectAsync } from "mqtt";
import type { Packet } from "mqtt-packet";
import { expect, vi } from "vitest";
import { BirthCount, EdgeNode, openUplink } from "../../agent/index.ts";
import { decodePayload, encodePayload } from "../../agent/sparkplug/payload.ts";
import { v } from "../../config/index.ts";
import type { Point } from "../../telemetry/index.ts";
import { realPlatform } from "../broker/platform.ts";
import { MemoryDisk, silentLog } from "../virtual.ts";
import { startMosquitto } from "./mosquittod.ts";
import { startTap } from "./mqtt_tap.ts";

const wait = { timeout: 20_000, interval: 10 };

const property = v.looseObject({ type: v.number() });
const metric = v.object({
  name: v.optional(v.string()),
  alias: v.optional(v.bigint()),
  datatype: v.optional(v.number()),
  timestamp: v.optional(v.bigint()),
  long_value: v.optional(v.bigint()),
  double_value: v.optional(v.number()),
  boolean_value: v.optional(v.boolean()),
  is_null: v.optional(v.boolean()),
  properties: v.optional(v.object({ keys: v.array(v.string()), values: v.array(property) })),
});
const payload = v.object({
  seq: v.optional(v.bigint()),
  timestamp: v.optional(v.bigint()),
  metrics: v.optional(v.array(metric), []),
});

type Metric = v.InferOutput<typeof metric>;

export interface Said {
  readonly verb: string;
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly seq: bigint | undefined;
  readonly timestamp: bigint | undefined;
  readonly metrics: readonly Metric[];
}

interface Seen {
  packets: readonly Packet[];
  /** How many packets there were before the host was online, births were asked for … */
  before: number;
  rebirth: number;
  hostGone: number;
  end: number;
}

export const seen: Seen = { packets: [], before: 0, rebirth: 0, hostGone: 0, end: 0 };

export function saidOf(packet: Packet): Said | undefined {
  if (packet.cmd !== "publish" || !packet.topic.startsWith("spBv1.0/")) return undefined;
  return messageOf(packet.topic, packet.payload, packet);
}

function messageOf(
  topic: string,
  bytes: string | Buffer,
  { qos, retain }: { readonly qos: number; readonly retain: boolean },
): Said {
  const decoded = decodePayload(Buffer.from(bytes));
  if (!("ok" in decoded)) throw new Error(decoded.problem);
  const { seq, timestamp, metrics } = v.parse(payload, decoded.ok);
  return { verb: topic.split("/")[2] ?? "", topic, qos, retain, seq, timestamp, metrics };
}

export const all = (verb?: string, from = 0, to = seen.packets.length): Said[] =>
  seen.packets
    .slice(from, to)
    .flatMap((packet) => saidOf(packet) ?? [])
    .filter((said) => verb === undefined || said.verb === verb);

export const named = ({ metrics }: Said, name: string): Metric | undefined =>
  metrics.find((metric) => metric.name === name);

/** Sessions: the packets from one CONNECT to the next. */
export function sessions(): {
  readonly will: Said;
  readonly clean: boolean;
  readonly said: Said[];
}[] {
  const starts = seen.packets.flatMap(({ cmd }, index) => (cmd === "connect" ? [index] : []));
  return starts.map((start, index) => {
    const packet = seen.packets[start];
    if (packet?.cmd !== "connect" || packet.will === undefined) throw new Error("no will");
    const { topic, payload, qos = 0, retain = false } = packet.will;
    const will = messageOf(topic, payload, { qos, retain });
    return { will, clean: packet.clean === true, said: all(undefined, start, starts[index + 1]) };
  });
}

export const bdSeqOf = (said: Said | undefined): bigint | undefined =>
  said === undefined ? undefined : named(said, "bdSeq")?.long_value;

const site = { region: "local", org: "main", site: "hall" };
const meter = { ...site, class: "power", device: "meter" };
const agent = { ...site, class: "agent", device: "gw" };

function phase(voltage_v: number, q = 0): Point[] {
  return [{ measurement: "rack_phase", tags: { phase: "L1" }, fields: { voltage_v, q } }];
}

/** One life of an edge node: everything that the statements speak of happens in it. */
export async function live(): Promise<void> {
  await using broker = await startMosquitto();
  await using tap = await startTap(broker.url);
  seen.packets = tap.packets;
  const state = async (online: boolean): Promise<void> => {
    const host = await connectAsync(broker.url);
    const payload = JSON.stringify({ online, timestamp: Date.now() });
    await host.publishAsync("spBv1.0/STATE/scada", payload, { qos: 1, retain: true });
    await host.endAsync();
  };
  const count = await BirthCount.open(new MemoryDisk(), silentLog);
  const url = { scheme: "mqtt", host: "127.0.0.1", port: tap.port };
  const node = new EdgeNode(
    {
      group: "hall",
      edge: "gw",
      agent: "gw",
      host: "scada",
      births: count,
      connect: ({ events, ...link }) =>
        openUplink(
          { url, clientId: "node", orderly: true, ...link },
          { keepalive: 30_000, mqtt: "auto" },
          { events, platform: realPlatform },
        ),
    },
    realPlatform,
  );
  const tell = (address: typeof meter, points: Point[]): void =>
    node.batch({ kind: "telemetry", address, place: {}, time: Date.now(), points, faults: [] });
  const until = (holds: () => boolean): Promise<void> =>
    vi.waitFor(() => expect(holds()).toBe(true), wait);
  node.turned(meter, "online");
  tell(meter, phase(230.5));
  await until(() => seen.packets.some(({ cmd }) => cmd === "subscribe"));
  await state(false);
  // What is read before the host is online is shown in births alone.
  tell(meter, phase(231));
  seen.before = seen.packets.length;
  await state(true);
  await until(() => all("DBIRTH").length === 1);
  tell(meter, phase(231.5));
  tell(agent, [{ measurement: "agent_health", fields: { offered_total: 5, q: 0 } }]);
  tell(meter, phase(232, 2));
  for (let n = 0; n < 300; n += 1) tell(meter, phase(n));
  await until(() => all("DDATA").length === 302);
  seen.rebirth = seen.packets.length;
  const host = await connectAsync(broker.url);
  const metrics = [{ name: "Node Control/Rebirth", datatype: 11, boolean_value: true }];
  const command = Buffer.from(encodePayload({ timestamp: 1n, metrics }));
  await host.publishAsync("spBv1.0/hall/NCMD/gw", command, { qos: 1 });
  await host.publishAsync("spBv1.0/hall/NCMD/gw", "garbage", { qos: 1 });
  await host.endAsync();
  await until(() => all("DBIRTH").length >= 2);
  node.turned(meter, "offline");
  await until(() => all("DDEATH").length === 1);
  tell(meter, phase(1));
  const births = all("DBIRTH").length;
  node.turned(meter, "online");
  tell(meter, phase(2));
  await until(() => all("DBIRTH").length > births);
  seen.hostGone = seen.packets.length;
  await state(false);
  await until(() => sessions().length === 2);
  await state(true);
  await until(() => all("NBIRTH", seen.hostGone).length === 1);
  tap.cut();
  await until(() => sessions().length >= 3 && all("NBIRTH", seen.hostGone).length === 2);
  seen.end = seen.packets.length;
  await node[Symbol.asyncDispose]();
  await until(() => seen.packets.at(-1)?.cmd === "disconnect");
  seen.packets = [...tap.packets];
}
