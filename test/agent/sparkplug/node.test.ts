/** The edge node without a wire: what floods, slow links and troubles of its own may not do. */
import { describe, expect, it } from "vitest";
import { BirthCount, EdgeNode, Facades } from "../../../agent/index.ts";
import type { Uplink } from "../../../agent/index.ts";
import { birthCountName } from "../../../agent/sparkplug/birth-count.ts";
import { asksForRebirth, hostState } from "../../../agent/sparkplug/commands.ts";
import { Aliases, maxMetrics, maxOfDevice, Metrics } from "../../../agent/sparkplug/metrics.ts";
import type { NodeLink } from "../../../agent/sparkplug/node.ts";
import { decodePayload, encodePayload } from "../../../agent/sparkplug/payload.ts";
import type { Point } from "../../../telemetry/index.ts";
import {
  KeptLog,
  MemoryDisk,
  SeededEntropy,
  settle,
  silentLog,
  VirtualClock,
} from "../../virtual.ts";

const meter = { region: "r", org: "o", site: "s", class: "power", device: "meter" };
const spooled = { seq: 1, topic: "t", kind: "telemetry", time: 0, payload: "" } as const;
const rebirth = encodePayload({
  metrics: [{ name: "Node Control/Rebirth", boolean_value: true }],
});

async function rig(disk = new MemoryDisk()) {
  const clock = new VirtualClock();
  const said: string[] = [];
  const links: NodeLink[] = [];
  /** A link that takes nothing never answers. */
  const slow = { holds: false };
  const link: Uplink = {
    publish({ topic }) {
      said.push(topic.split("/")[2] ?? "");
      return slow.holds ? Promise.race([]) : Promise.resolve();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const node = new EdgeNode(
    {
      group: "g",
      edge: "e",
      agent: "gw",
      births: await BirthCount.open(disk, silentLog),
      connect(made) {
        links.push(made);
        return link;
      },
    },
    { clock, entropy: new SeededEntropy(1), log: silentLog },
  );
  const connect = async (): Promise<unknown> => {
    const will = links.at(-1)?.will();
    links.at(-1)?.events.up();
    await settle();
    const decoded = decodePayload(Buffer.from(will?.payload ?? ""));
    return "ok" in decoded ? decoded.ok["metrics"] : decoded;
  };
  const tell = (points: readonly Point[]): void => {
    const batch = { kind: "telemetry", place: {}, time: clock.now(), faults: [] } as const;
    node.batch({ ...batch, address: meter, points });
  };
  const command = (payload: Uint8Array, retained = false): void =>
    void links.at(-1)?.events.message("spBv1.0/g/NCMD/e", payload, retained);
  const down = (): void => links.at(-1)?.events.down();
  return { clock, said, slow, node, connect, tell, command, down };
}

function volts(voltage_v: number): Point[] {
  return [{ measurement: "rack_phase", tags: { phase: "L1" }, fields: { voltage_v, q: 0 } }];
}

describe("an edge node", () => {
  it("is born once a second, however often it is asked", async () => {
    const { clock, said, connect, command } = await rig();
    await connect();
    for (let n = 0; n < 1000; n += 1) command(rebirth);
    await clock.advance(10_000);
    expect(said).toEqual(["NBIRTH", "NBIRTH"]);
    command(rebirth, true);
    command(Buffer.from("garbage"));
    await clock.advance(10_000);
    expect(said).toHaveLength(2);
  });

  it("gives up what a slow link does not take, and says it anew in births", async () => {
    const { clock, said, slow, node, connect, tell, down } = await rig();
    await connect();
    node.turned(meter, "online");
    tell(volts(1));
    await settle();
    slow.holds = true;
    for (let n = 0; n < 5000; n += 1) tell(volts(n));
    await clock.advance(10_000);
    expect(node.counts.dropped).toBeGreaterThan(1000);
    expect(said).toEqual(["NBIRTH", "DBIRTH", "DDATA"]);
    down();
    slow.holds = false;
    await connect();
    expect(said.slice(3)).toEqual(["NBIRTH", "DBIRTH"]);
    tell(volts(2));
    await settle();
    expect(said.slice(5)).toEqual(["DDATA"]);
  });

  it("a field that no birth has listed makes a new birth of its device", async () => {
    const { said, node, connect, tell } = await rig();
    await connect();
    tell(volts(1));
    node.turned(meter, "online");
    tell(volts(1));
    tell([{ measurement: "rack_phase", tags: { phase: "L2" }, fields: { voltage_v: 1, q: 0 } }]);
    node.turned(meter, "offline");
    tell(volts(1));
    await settle();
    expect(said).toEqual(["NBIRTH", "DBIRTH", "DBIRTH", "DDEATH"]);
  });

  it("counts its connections over restarts, 0 after 255 and after a broken file", async () => {
    const disk = new MemoryDisk();
    const of = (bdSeq: number) => [expect.objectContaining({ long_value: BigInt(bdSeq) })];
    expect(await (await rig(disk)).connect()).toEqual(of(0));
    const second = await rig(disk);
    expect([await second.connect(), await second.connect()]).toEqual([of(1), of(2)]);
    await disk.replace(birthCountName, Buffer.from('{"bdSeq":255}'));
    expect(await (await rig(disk)).connect()).toEqual(of(0));
    await disk.replace(birthCountName, Buffer.from('{"bdSeq":"x"}'));
    expect(await (await rig(disk)).connect()).toEqual(of(0));
    disk.failure = new Error("full");
    const full = await rig(disk);
    expect([await full.connect(), await full.connect()]).toEqual([of(1), of(2)]);
  });
});

describe("metrics", () => {
  it("are bounded, and keep their type", () => {
    const aliases = new Aliases();
    const devices = Array.from({ length: maxMetrics / maxOfDevice }, () => new Metrics(aliases));
    const outlets = Array.from({ length: maxOfDevice + 1 }, (_, channel) => {
      const tags = { outlet: String(channel) };
      return { measurement: "pdu_outlet", tags, fields: { active_power_w: 1 } };
    });
    for (const device of devices) device.take(outlets, 1);
    expect(devices.map(({ size }) => size)).toEqual(devices.map(() => maxOfDevice));
    expect(aliases.left).toBe(devices.length);
    const late = new Metrics(aliases);
    late.take(outlets.slice(0, 1), 1);
    expect([late.size, aliases.left]).toEqual([0, devices.length + 1]);
    const own = new Metrics(new Aliases());
    const x = (x_note: string | number) => [{ measurement: "environment", fields: { x_note } }];
    expect(own.take(x("a"), 1).data).toHaveLength(1);
    expect(own.take(x(1), 1).data).toHaveLength(0);
  });

  it("negative whole numbers are two's complements", () => {
    const metrics = new Metrics(new Aliases());
    const taken = metrics.take([{ measurement: "environment", fields: { x_a_count: -1 } }], 1);
    expect(taken.data[0]).toMatchObject({ long_value: 2n ** 64n - 1n });
  });
});

describe("what hosts say", () => {
  it("is a command or nothing", () => {
    expect(asksForRebirth(rebirth)).toBe(true);
    const no = { metrics: [{ name: "Node Control/Rebirth", boolean_value: false }] };
    expect(asksForRebirth(encodePayload(no))).toBe(false);
    expect(asksForRebirth(new Uint8Array())).toBe(false);
    expect(hostState(Buffer.from('{"online":true,"timestamp":5}'))).toEqual({
      online: true,
      timestamp: 5,
    });
    for (const bad of ["ONLINE", "{}", '{"online":1,"timestamp":5}', "x".repeat(5000)]) {
      expect(hostState(Buffer.from(bad))).toBeUndefined();
    }
  });
});

describe("facades", () => {
  it("the troubles of one are its own: logged once, counted", () => {
    const log = new KeptLog();
    const shown: string[] = [];
    const broken = {
      name: "broken",
      batch: () => {
        throw new Error("no");
      },
      turned: () => undefined,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const good = { ...broken, name: "good", batch: () => void shown.push("batch") };
    const facades = new Facades([broken, good], log);
    const batch = { kind: "telemetry", address: meter, place: {}, time: 1 } as const;
    for (let n = 0; n < 3; n += 1) facades.batch({ ...batch, points: [], faults: [] }, spooled);
    facades.batch({ ...batch, kind: "event", points: [], faults: [] }, spooled);
    expect(shown).toHaveLength(3);
    expect([facades.failed("broken"), log.entries.length]).toEqual([3, 1]);
  });
});
