/** A session's plan, and what a session remembers of its device beside its counters. */
import { describe, expect, it } from "vitest";
import { profileSchema, v } from "../../../config/index.ts";
import type { Session } from "../../../drivers/contract.ts";
import { networkTiming } from "../../../drivers/modbus/cost.ts";
import { modbus } from "../../../drivers/modbus/index.ts";
import {
  decodeReadRequest,
  encodeException,
  encodeReadReply,
} from "../../../drivers/modbus/pdu.ts";
import { modbusProfile } from "../../../drivers/modbus/profile.ts";
import { ModbusSession } from "../../../drivers/modbus/session.ts";
import { VirtualClock } from "../../virtual.ts";
import { memoryOf } from "./memory.ts";
import type { Behaviour } from "./world.ts";
import { contextWith, honest, never, openDevice, profileOf, startPeer, valueAt } from "./world.ts";

const thermal = (sensor: string, address: number, every?: string) => ({
  measurement: "thermal",
  tags: { sensor },
  ...(every === undefined ? {} : { every }),
  fields: { temp_c: { at: address } },
});

const profile = profileOf({ serial: { unitLoad: 0.25 } }, [
  thermal("a", 0),
  thermal("b", 2),
  thermal("c", 3, "60s"),
]);

describe("a session's plan", () => {
  const buses = { rs485: { port: "/dev/ttyS9", baud: 9600 } };

  it("says what is asked for, how long it takes, and what that consists of", async () => {
    await using device = await openDevice({ bus: "rs485" }, profile, buses);
    const plan = device.session.plan?.(["default"]);
    expect(plan).toMatchObject({
      unitLoad: 0.25,
      requests: [{ at: "holding 0x0000 ×3", reads: 3, wanted: 2, parts: { device: 20, way: 0 } }],
    });
    const [request] = plan?.requests ?? [];
    // 19 characters, and 3.5 of silence twice.
    expect(request?.ms).toBeCloseTo((19 + 7) * (10 / 9.6) + 20);
    const sum = Object.values(request?.parts ?? {}).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(request?.ms ?? 0);
  });

  it("is of the groups together, and of none", async () => {
    await using device = await openDevice({ bus: "rs485" }, profile, buses);
    const both = device.session.plan?.(["default", "60s"]);
    expect(both?.requests.map(({ at }) => at)).toEqual(["holding 0x0000 ×4"]);
    expect(device.session.plan?.([]).requests).toEqual([]);
  });

  it("counts no unit loads on a network", async () => {
    await using device = await openDevice({ address: "tcp://h" }, profile);
    expect(device.session.plan?.(["default"]).unitLoad).toBeUndefined();
  });
});

describe("a device that is slower than it was taken for", () => {
  /** An endpoint that takes so long for a request and for each byte of its reply. */
  function deviceTaking(perRequest: number, perByte: number, points: readonly unknown[]) {
    const clock = new VirtualClock();
    const session = new ModbusSession({
      profile: v.parse(profileSchema("modbus", modbusProfile), profileOf({}, points)),
      endpoint: { address: "tcp://h" },
      unit: { unit: 1, timeout: 1000, pause: 0 },
      exchange: async (exchange) => {
        // Waiting for others is not the device's fault.
        await clock.advance(50);
        exchange.sent?.();
        const span = decodeReadRequest(exchange.pdu);
        if (span === undefined) throw new Error("not a read");
        const reply = encodeReadReply(
          span,
          Array.from({ length: span.count }, () => 1),
        );
        await clock.advance(perRequest + perByte * reply.length);
        return reply;
      },
      timing: networkTiming(),
      release: () => Promise.resolve(),
      clock,
      memory: undefined,
    });
    return { session, clock };
  }

  const points = [0, 1, 2, 42, 43, 80, 81, 82].map((at) => thermal(`s${at}`, at));

  it("a slow line behind an address: holes are read across no more", async () => {
    const { session, clock } = deviceTaking(40, 1.04, points);
    const requests = () => session.plan(["default"]).requests.map(({ at }) => at);
    expect(requests()).toEqual(["holding 0x0000 ×83"]);
    const first = clock.monotonic();
    await session.read(["default"], never);
    const before = clock.monotonic() - first;
    for (let poll = 0; poll < 8; poll += 1) await session.read(["default"], never);
    expect(requests()).toEqual(["holding 0x0000 ×3", "holding 0x002a ×2", "holding 0x0050 ×3"]);
    const last = clock.monotonic();
    await session.read(["default"], never);
    expect(clock.monotonic() - last - 3 * 50).toBeLessThan(before - 50);
  });

  it("a slow device at its own address: they still are", async () => {
    const { session } = deviceTaking(80, 0.001, points);
    for (let poll = 0; poll < 8; poll += 1) await session.read(["default"], never);
    expect(session.plan(["default"]).requests).toHaveLength(1);
  });
});

/** Register 1 and 3 are holes. */
const holed: Behaviour = (request, link) => {
  const { at = 0, count = 0 } = request.span ?? {};
  const touches = [1, 3].some((hole) => at <= hole && at + count > hole);
  if (!touches) return honest(request, link);
  link.send(request.wrap(encodeException(request.pdu, 2)));
};

describe("what a session remembers", () => {
  const counter = { at: 6, type: "uint32", wraps: 32 };
  const counting = profileOf({}, [
    ...[0, 2, 3].map((at) => thermal(`s${at}`, at)),
    { measurement: "parking", tags: { lot: "main" }, fields: { entries_total: counter } },
  ]);
  const key = "parking main entries_total holding 0x0006 32";
  const count = valueAt(6) * 2 ** 16 + valueAt(7);

  /** What a session reads that is opened anew. */
  async function readAnew(address: string, memory: ReturnType<typeof memoryOf>) {
    await using driver = modbus.create(contextWith());
    const target = { id: "meter", options: { address }, profile: counting, memory };
    await using session: Session = await driver.open(target);
    return await session.read(["default"], never);
  }

  it("are its counters and the holes of its device, side by side", async () => {
    await using peer = await startPeer("tcp", holed);
    const memory = memoryOf(undefined);
    const first = await readAnew(peer.address, memory);
    expect(first.faults).toEqual([{ code: "E_MODBUS_EXCEPTION", at: "holding 0x0003" }]);
    // A hole beside a register that is not there shows in the next read.
    await readAnew(peer.address, memory);
    const before = peer.requests.length;
    const again = await readAnew(peer.address, memory);
    expect(again).toEqual(first);
    const asked = peer.requests.slice(before).map(({ span }) => `${span?.at}+${span?.count}`);
    expect(asked).toEqual(["0+1", "2+1", "6+2"]);
    expect(memory.kept).toMatchObject({
      counters: { [key]: { lastRaw: String(count) } },
      reads: { dead: ["holding 0x0003 ×1"] },
    });
  });

  it("of an older version goes on: there were counters only", async () => {
    await using peer = await startPeer("tcp", holed);
    const older = { lastRaw: String(count - 7), carried: "1000", time: 0, fastest: 0 };
    const memory = memoryOf({ [key]: older });
    const { points } = await readAnew(peer.address, memory);
    const parking = points.find(({ measurement }) => measurement === "parking");
    expect(parking?.fields["entries_total"]).toBe(count + 1000);
    expect(memory.kept).toMatchObject({ counters: { [key]: { carried: "1000" } } });
  });
});
