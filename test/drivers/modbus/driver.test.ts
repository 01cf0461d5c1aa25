/**
 * The Modbus driver as the agent sees it: options, profiles, shared connections, sessions; and its
 * simulator.
 */
import { describe, expect, it, vi } from "vitest";
import { modbus } from "../../../drivers/modbus/index.ts";
import { simulate } from "../../../drivers/modbus/simulator.ts";
import type { Trace } from "../../../drivers/contract.ts";
import { encodeReadReply } from "../../../drivers/modbus/pdu.ts";
import {
  codeOf,
  contextWith,
  honest,
  never,
  oneRegister,
  openDevice,
  profileOf,
  realClock,
  startPeer,
  valueAt,
} from "./world.ts";

const buses = { rs485: { port: "/dev/ttyUSB0", baud: 19_200 }, other: { port: "/dev/ttyUSB0" } };

const target = (options: unknown, profile: unknown = oneRegister) => ({
  id: "meter",
  options,
  profile,
});

describe("options", () => {
  it.each([
    [{ address: "tcp://10.0.0.7" }, "tcp://10.0.0.7:502"],
    [{ address: "rtu+tcp://gw:4001", unit: 5 }, "tcp://gw:4001"],
    [{ bus: "rs485", unit: 5, interval: "5s", profile: "x" }, "serial:/dev/ttyUSB0"],
  ])("%j is the wire %s", (options, key) => {
    expect(modbus.create(contextWith(buses)).busKey(target(options))).toBe(key);
  });

  it.each([
    [{}, "give `address`"],
    [{ address: "tcp://h", bus: "rs485" }, "not both"],
    [{ bus: "rs485", unit: 0 }, "everybody"],
    [{ address: "udp://h" }, "tcp://HOST:PORT or rtu+tcp://HOST:PORT"],
    [{ address: "tcp://h", unit: 256 }, "from 0 to 255"],
    [{ address: "tcp://h", timeout: 5 }, "unit"],
    [{ address: "rtu+tcp://h:4001", outstanding: 4 }, "for Modbus TCP"],
    [{ bus: "rs485", outstanding: 1 }, "for Modbus TCP"],
    [{ address: "tcp://h", outstanding: 17 }, "from 1 to 16"],
    [{ bus: "rs422" }, 'there is no bus "rs422"; known: rs485, other'],
  ])("%j is refused: %s", (options, sentence) => {
    expect(() => modbus.create(contextWith(buses)).busKey(target(options))).toThrow(sentence);
  });

  it("a device without a profile is refused", async () => {
    const driver = modbus.create(contextWith());
    const open = driver.open({ id: "meter", options: { address: "tcp://h" }, profile: undefined });
    expect(await codeOf(open)).toBe("E_CONFIG");
  });

  it.each([
    [{ address: "tcp://h" }, 8],
    [{ address: "tcp://h", outstanding: 3 }, 3],
    [{ address: "rtu+tcp://h:4001" }, 1],
    [{ bus: "rs485" }, 1],
  ])("of the devices on the wire of %j at most %i are read at once", (options, width) => {
    expect(modbus.create(contextWith(buses)).width?.(target(options))).toBe(width);
  });

  it("devices of one connection agree on how many requests may be outstanding", async () => {
    const driver = modbus.create(contextWith());
    const open = (parts: object) => driver.open(target({ address: "tcp://h", ...parts }));
    await using _silent = await open({ unit: 1 });
    await using _four = await open({ unit: 2, outstanding: 4 });
    await using _same = await open({ unit: 3, outstanding: 4 });
    await using _quiet = await open({ unit: 4 });
    await expect(open({ unit: 5, outstanding: 2 })).rejects.toThrow(
      "devices at tcp://h:502 differ in `outstanding`: 4 and 2",
    );
  });

  it("two names for one port are refused", async () => {
    const driver = modbus.create(contextWith(buses));
    await using _ = await driver.open(target({ bus: "rs485" }));
    expect(await codeOf(driver.open(target({ bus: "other" })))).toBe("E_CONFIG");
  });
});

describe("profiles", () => {
  it.each([
    ["a text without length", {}, { x_model: { at: 0, type: "string" } }],
    ["bits beyond the register", {}, { voltage_v: { at: 0, bits: { from: 15, count: 2 } } }],
    ["a forbidden register", { forbid: [[5, 9]] }, { voltage_v: { at: 4, type: "uint32" } }],
    ["a value longer than an answer", { maxRegisters: 1 }, { voltage_v: { at: 0, type: "int32" } }],
    ["the end of the addresses", {}, { voltage_v: { at: 0xffff, type: "uint32" } }],
  ])("%s: E_PROFILE", async (_title, header, fields) => {
    const profile = profileOf(header, [{ measurement: "energy_meter", fields }]);
    const driver = modbus.create(contextWith());
    expect(await codeOf(driver.open(target({ address: "tcp://h" }, profile)))).toBe("E_PROFILE");
  });

  it.each([
    ["an unknown key of a field", {}, { voltage_v: { at: 0, scal: 1 } }],
    ["an unknown key of the header", { tabel: "input" }, { voltage_v: { at: 0 } }],
    ["an unknown type", {}, { voltage_v: { at: 0, type: "u16" } }],
    ["a scale of nothing", {}, { voltage_v: { at: 0, scale: 0 } }],
  ])("%s is refused", (_title, header, fields) => {
    const profile = profileOf(header, [{ measurement: "energy_meter", fields }]);
    const driver = modbus.create(contextWith());
    expect(() => driver.open(target({ address: "tcp://h" }, profile))).toThrow();
  });

  it("one group for each pace", async () => {
    const row = (every: string | undefined, sensor: string) => ({
      measurement: "thermal",
      tags: { sensor },
      ...(every === undefined ? {} : { every }),
      fields: { temp_c: { at: 0 } },
    });
    const profile = profileOf({}, [
      row(undefined, "a"),
      row("60s", "b"),
      row("1m", "c"),
      row("500ms", "d"),
    ]);
    await using device = await openDevice({ address: "tcp://h" }, profile);
    expect(device.session.groups).toEqual([
      { name: "default", every: undefined },
      { name: "60s", every: 60_000 },
      { name: "500ms", every: 500 },
    ]);
  });
});

describe("a driver", () => {
  it("shares a connection between the units of an address, and ends it with the last", async () => {
    await using peer = await startPeer("tcp", honest);
    await using driver = modbus.create(contextWith());
    const first = await driver.open(target({ address: peer.address, unit: 1 }));
    const second = await driver.open(target({ address: peer.address, unit: 2 }));
    await Promise.all([first.read(["default"], never), second.read(["default"], never)]);
    expect(peer.connections()).toBe(1);
    expect(new Set(peer.requests.map(({ unit }) => unit))).toEqual(new Set([1, 2]));
    await first[Symbol.asyncDispose]();
    await second.read(["default"], never);
    expect(peer.connections()).toBe(1);
    await second[Symbol.asyncDispose]();
    const third = await driver.open(target({ address: peer.address }));
    await third.read(["default"], never);
    expect(peer.connections()).toBe(2);
  });

  it("has one request on the line at a time", async () => {
    let inFlight = 0;
    let most = 0;
    await using peer = await startPeer("rtu+tcp", (request, link) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      setImmediate(() => {
        inFlight -= 1;
        honest(request, link);
      });
    });
    await using driver = modbus.create(contextWith());
    const sessions = await Promise.all(
      [1, 2, 3, 4].map((unit) => driver.open(target({ address: peer.address, unit }))),
    );
    await Promise.all(sessions.map((session) => session.read(["default"], never)));
    expect(most).toBe(1);
    expect(peer.requests).toHaveLength(4);
  });

  it("closing it rejects what is being read", async () => {
    await using peer = await startPeer("tcp", () => {});
    const driver = modbus.create(contextWith());
    const session = await driver.open(target({ address: peer.address, timeout: "1h" }));
    const read = codeOf(session.read(["default"], never));
    await vi.waitFor(() => expect(peer.requests).toHaveLength(1));
    await driver[Symbol.asyncDispose]();
    expect(await read).toBe("E_DISCONNECTED");
  });
});

describe("a session", () => {
  it("traces registers as they were on the wire", async () => {
    await using peer = await startPeer("tcp");
    await using device = await openDevice({ address: peer.address });
    const traces: Trace[] = [];
    await device.session.read(["default"], never, (trace) => traces.push(trace));
    expect(traces).toEqual([
      {
        measurement: "thermal",
        channel: "a",
        field: "temp_c",
        at: "holding 0x0010 ×1",
        raw: valueAt(0x10).toString(16),
      },
    ]);
  });

  it("counts on where a counter wraps", async () => {
    const raws = [65_530, 3, 9];
    await using peer = await startPeer("tcp", ({ span, wrap, index }, link) => {
      if (span !== undefined) link.send(wrap(encodeReadReply(span, [raws[index] ?? 0])));
    });
    const profile = profileOf({}, [
      { measurement: "energy_meter", fields: { import_wh_total: { at: 0, scale: 10, wraps: 16 } } },
    ]);
    await using device = await openDevice({ address: peer.address }, profile);
    const seen: unknown[] = [];
    for (const _ of raws) {
      const { points } = await device.session.read(["default"], never);
      seen.push(points[0]?.fields["import_wh_total"]);
    }
    expect(seen).toEqual([655_300, 655_390, 655_450]);
  });

  it("nothing asked, nothing read", async () => {
    await using device = await openDevice({ address: "tcp://h" });
    expect(await device.session.read([], never)).toEqual({ points: [], faults: [] });
  });
});

describe("the simulator", () => {
  const profile = profileOf({ table: "input" }, [
    {
      measurement: "thermal",
      tags: { sensor: "a" },
      fields: { temp_c: { at: 3, type: "int16", scale: 0.1 } },
    },
  ]);

  it("shows what is set over what its waveform says, and counts requests", async () => {
    await using simulator = await simulate({
      profile,
      unit: 4,
      listen: {},
      clock: realClock,
      values: () => 20,
    });
    await using device = await openDevice({ address: simulator.address, unit: 4 }, profile);
    const temperature = async (): Promise<unknown> => {
      const { points } = await device.session.read(["default"], never);
      return points[0]?.fields["temp_c"];
    };
    expect(await temperature()).toBe(20);
    simulator.set("thermal", "a", { temp_c: -12.3 });
    expect(await temperature()).toBe(-12.3);
    simulator.poke("input", 3, 215);
    expect(await temperature()).toBe(21.5);
    expect(simulator.requests).toBe(3);
    expect(() => simulator.set("thermal", "b", { temp_c: 1 })).toThrow("no thermal b temp_c");
    expect(() => simulator.set("thermal", "a", { temp_c: 1e9 })).toThrow("does not fit");
  });

  it("has one unit; addresses without a field are illegal if wanted", async () => {
    await using simulator = await simulate({
      profile,
      holes: "illegal",
      listen: {},
      clock: realClock,
    });
    await using other = await openDevice({ address: simulator.address, unit: 9 }, profile);
    expect(await codeOf(other.session.read(["default"], never))).toBe("E_MODBUS_BUSY");
    const elsewhere = profileOf({ table: "input" }, [
      { measurement: "thermal", tags: { sensor: "a" }, fields: { temp_c: { at: 99 } } },
    ]);
    await using device = await openDevice({ address: simulator.address }, elsewhere);
    expect(await codeOf(device.session.read(["default"], never))).toBe("E_MODBUS_EXCEPTION");
  });

  it("says when its address is taken", async () => {
    await using simulator = await simulate({ profile, listen: {}, clock: realClock });
    const port = Number(new URL(simulator.address).port);
    const second = simulate({ profile, listen: { port }, clock: realClock });
    expect(await codeOf(second)).toBe("E_ADDRESS_IN_USE");
  });
});
