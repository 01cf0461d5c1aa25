/** The polled drivers as the agent sees them: options, shared wires, refusals, bad company. */
import { describe, expect, it } from "vitest";
import type { DriverKind } from "../../../drivers/contract.ts";
import { addressOf, encodeDecimal, encodeFrame } from "../../../drivers/dlt645/frame.ts";
import { dlt645 } from "../../../drivers/dlt645/index.ts";
import { mbus } from "../../../drivers/mbus/index.ts";
import { sdi12 } from "../../../drivers/sdi12/index.ts";
import { umb } from "../../../drivers/umb/index.ts";
import { codeOf, contextWith, never } from "../modbus/world.ts";
import { dlt645Meter, mbusHeader, mbusMeter, sdi12Sensor, umbDevice } from "./slaves.ts";
import type { Slave } from "./world.ts";
import { hex, openAt, profileOf, startServer } from "./world.ts";

const buses = { line: { port: "/dev/ttyUSB0", baud: 2400 }, twin: { port: "/dev/ttyUSB0" } };
const at = { address: "tcp://10.0.0.7" };

const voltage = { identifier: "02010100", bytes: 2, decimals: 1 };
const meterProfile = (fields: Readonly<Record<string, unknown>> = { voltage_v: voltage }) =>
  profileOf("dlt645", [{ measurement: "energy_meter", fields }]);
const heat = { energy_wh_total: { quantity: "energy" } };
const heatProfile = profileOf("mbus", [{ measurement: "heat_meter", fields: heat }]);
const levelProfile = (header: unknown = {}) =>
  profileOf(
    "sdi12",
    [{ measurement: "water_level", tags: { sensor: "a" }, fields: { level_m: { value: 1 } } }],
    header,
  );
const airProfile = profileOf("umb", [
  { measurement: "environment", tags: { sensor: "a" }, fields: { temp_c: { channel: 100 } } },
]);

const profiles: ReadonlyMap<DriverKind, unknown> = new Map([
  [dlt645, meterProfile()],
  [mbus, heatProfile],
  [sdi12, levelProfile()],
  [umb, airProfile],
]);

describe("options", () => {
  it.each([
    [dlt645, {}, "give `address`"],
    [dlt645, { ...at, bus: "line" }, "not both"],
    [dlt645, { ...at, meter: 12_345_678 }, "in quotes"],
    [dlt645, { ...at, meter: "12AB" }, "up to twelve digits"],
    [mbus, { ...at }, "give either `primary`"],
    [mbus, { ...at, primary: 1, secondary: "12345678" }, "give either `primary`"],
    [mbus, { ...at, primary: 251 }, "0 to 250"],
    [mbus, { ...at, secondary: "1234" }, "eight digits"],
    [mbus, { ...at, secondary: "12345678", manufacturer: "kamstrup" }, "three capital letters"],
    [sdi12, { ...at, sensor: "10" }, "one of 0-9"],
    [sdi12, { ...at, sensor: 0 }, "in quotes"],
    [umb, { ...at, unit: 0 }, "1 to 255"],
    [umb, { bus: "none" }, 'there is no bus "none"'],
  ])("%# are refused", (kind, options, sentence) => {
    const target = { id: "d", options, profile: profiles.get(kind) };
    expect(() => kind.create(contextWith(buses)).busKey(target)).toThrow(sentence);
  });

  it("name the wire, not the device on it", () => {
    const target = (meter: string) => ({ id: meter, options: { bus: "line", meter }, profile: {} });
    const driver = dlt645.create(contextWith(buses));
    const profile = meterProfile();
    expect(driver.busKey({ ...target("1"), profile })).toBe("serial:/dev/ttyUSB0");
    expect(driver.busKey({ ...target("2"), profile })).toBe("serial:/dev/ttyUSB0");
  });

  it.each([...profiles.keys()])("without a profile: E_CONFIG", async (kind) => {
    const options = kind === mbus ? { ...at, primary: 1 } : at;
    const open = kind.create(contextWith()).open({ id: "d", options, profile: undefined });
    expect(await codeOf(open)).toBe("E_CONFIG");
  });

  it("two names for one port: E_CONFIG", async () => {
    await using driver = dlt645.create(contextWith(buses));
    const target = (bus: string) => ({ id: bus, options: { bus }, profile: meterProfile() });
    await using _ = await driver.open(target("line"));
    expect(await codeOf(driver.open(target("twin")))).toBe("E_CONFIG");
  });

  it("repeated rows: E_PROFILE", async () => {
    const row = {
      measurement: "meter_phase",
      tags: { phase: "L{n}" },
      fields: { voltage_v: voltage },
    };
    const profile = profileOf("dlt645", [{ ...row, repeat: { count: 3, stride: 2 } }]);
    const open = dlt645.create(contextWith()).open({ id: "d", options: at, profile });
    expect(await codeOf(open)).toBe("E_PROFILE");
  });

  it.each([
    [mbus, profileOf("mbus", [{ measurement: "heat_meter", fields: { power_w: {} } }])],
    [
      mbus,
      profileOf("mbus", [{ measurement: "heat_meter", fields: { power_w: { quantity: "x" } } }]),
    ],
    [dlt645, meterProfile({ voltage_v: { identifier: "0201", bytes: 9 } })],
    [sdi12, profileOf("sdi12", [{ measurement: "soil", fields: { temp_c: { value: 0 } } }])],
    [umb, profileOf("umb", [{ measurement: "soil", fields: { temp_c: { channel: 70_000 } } }])],
  ])("%# a profile that cannot be is refused", (kind, profile) => {
    const options = { ...at, ...(kind === mbus ? { primary: 1 } : {}) };
    expect(() => kind.create(contextWith()).open({ id: "d", options, profile })).toThrow();
  });
});

describe("several devices of one wire", () => {
  it("share a connection, and each gets its own values", async () => {
    const values = (tenths: number) => new Map([["02010100", encodeDecimal(tenths, 2)]]);
    const [one, two] = [
      dlt645Meter(addressOf("1"), values(2301)),
      dlt645Meter(addressOf("2"), values(2302)),
    ];
    await using place = await startServer((received) => {
      // Both hear the request; who is not meant keeps silent.
      const asked = received.indexOf(0x68);
      if (received.length < 20) return undefined;
      return received[asked + 1] === 1 ? one(received) : two(received);
    });
    await using driver = dlt645.create(contextWith());
    const open = (meter: string) =>
      driver.open({ id: meter, options: { ...place.options, meter }, profile: meterProfile() });
    await using first = await open("1");
    await using second = await open("2");
    const readings = await Promise.all([
      first.read(["default"], never),
      second.read(["default"], never),
    ]);
    const volts = readings.map(({ points }) => points[0]?.fields["voltage_v"]);
    expect(volts).toEqual([230.1, 230.2]);
    expect(place.connections()).toBe(1);
  });
});

/** Everything that is not the answer comes before it, in small pieces. */
function noisy(slave: Slave, noise: readonly Uint8Array[]): Slave {
  return (received) => {
    const said = slave(received);
    if (said === undefined) return undefined;
    const pieces = said.replies.flatMap((reply) => [reply.slice(0, 3), reply.slice(3)]);
    return { ...said, replies: [...noise, ...pieces] };
  };
}

const identity = { id: "12345678", manufacturer: "KAM", version: 8, medium: 4 };
const telegram = Uint8Array.of(...mbusHeader(identity), ...hex("04 06 E7 91 00 00"));
const garbage = [hex("00 FF 68 10 01 7F 16 04 0D 30")];
const neighbours: ReadonlyMap<DriverKind, Uint8Array> = new Map([
  [dlt645, encodeFrame({ address: addressOf("9"), control: 0x91, data: hex("00 01 01 02 99 99") })],
  [mbus, hex("68 09 09 68 08 09 78 04 06 01 00 00 00 94 16")],
  [sdi12, Buffer.from("9+99.9\r\n")],
  [umb, hex("01 10 01 F0 09 70 0A 02 23 10 00 64 00 16 F5 54 E1 41 03 90 86 04")],
]);

const companies = [
  {
    kind: dlt645,
    slave: dlt645Meter(addressOf("1"), new Map([["02010100", encodeDecimal(2301, 2)]])),
    options: { meter: "1" },
    value: 230.1,
  },
  {
    kind: mbus,
    slave: mbusMeter({ primary: 5, identity }, [telegram]),
    options: { primary: 5 },
    value: 37_351_000,
  },
  { kind: sdi12, slave: sdi12Sensor("0", { M: { values: ["+1.5"] } }), options: {}, value: 1.5 },
  {
    kind: umb,
    slave: umbDevice(0x7001, new Map([[100, { type: 0x11, raw: hex("F6") }]])),
    options: {},
    value: -10,
  },
] as const;

describe.each(companies)("in bad company: $kind.name", ({ kind, slave, options, value }) => {
  const profile = profiles.get(kind);
  const settings = { ...options, timeout: "250ms" };
  const neighbour = neighbours.get(kind) ?? new Uint8Array();

  it("noise and a neighbour's answer before its own do no harm", async () => {
    const noise = kind === mbus ? [neighbour] : [...garbage, neighbour];
    await using place = await startServer(noisy(slave, noise));
    await using device = await openAt(kind, place, { options: settings, profile });
    const { points, faults } = await device.session.read(["default"], never);
    expect(Object.values(points[0]?.fields ?? {})).toContain(value);
    expect(faults).toEqual([]);
  });

  it("an adapter that hears itself does no harm", async () => {
    await using place = await startServer((received) => {
      const said = slave(received);
      if (said === undefined) return undefined;
      const echo = received.slice(0, said.used);
      return { ...said, replies: [echo.slice(0, 2), echo.slice(2), ...said.replies] };
    });
    await using device = await openAt(kind, place, { options: settings, profile });
    const { points, faults } = await device.session.read(["default"], never);
    expect(Object.values(points[0]?.fields ?? {})).toContain(value);
    expect(faults).toEqual([]);
  });

  it.each([
    ["silence", [], "E_DEVICE_TIMEOUT"],
    ["garbage", garbage, "E_DEVICE_FRAME"],
    ["a neighbour's answer alone", [neighbour], "E_DEVICE_FRAME"],
  ])("%s is told apart", async (_what, replies, code) => {
    await using place = await startServer((received) => {
      const said = slave(received);
      return said === undefined ? undefined : { ...said, replies };
    });
    await using device = await openAt(kind, place, { options: settings, profile });
    expect(await codeOf(device.session.read(["default"], never))).toBe(code);
  });

  it("an answer with one bit turned is no answer", async () => {
    await using place = await startServer((received) => {
      const said = slave(received);
      if (said === undefined) return undefined;
      const turned = said.replies.map((reply) =>
        reply.length < 9
          ? reply
          : reply.map((byte, at) => (at === reply.length - 5 ? byte ^ 2 : byte)),
      );
      return { ...said, replies: turned };
    });
    await using device = await openAt(kind, place, { options: settings, profile });
    expect(await codeOf(device.session.read(["default"], never))).toBe("E_DEVICE_FRAME");
  });
});

describe("DL/T 645 meters", () => {
  // Bit 6 of the control code marks an abnormal answer. [DLT645-2007 5.2.3]
  it("that refuse everything are refused, with the reason", async () => {
    await using place = await startServer(dlt645Meter(addressOf("1"), new Map(), { refusal: 4 }));
    await using device = await openAt(dlt645, place, { profile: meterProfile() });
    await expect(device.session.read(["default"], never)).rejects.toThrow(
      "meter any: 02010100: password wrong or not authorised",
    );
  });

  it("are not asked again and again for what they lack", async () => {
    const values = new Map([["02010100", encodeDecimal(2301, 2)]]);
    await using place = await startServer(dlt645Meter(addressOf("1"), values));
    const fields = { voltage_v: voltage, x_other_v: { ...voltage, identifier: "02010200" } };
    await using device = await openAt(dlt645, place, { profile: meterProfile(fields) });
    const lacking = [{ code: "E_DEVICE_REFUSED", at: "02010200" }];
    expect((await device.session.read(["default"], never)).faults).toEqual(lacking);
    expect((await device.session.read(["default"], never)).faults).toEqual(lacking);
    expect(place.requests()).toBe(3);
  });

  it("give long blocks frame by frame, but not for ever [DLT645-2007 7.1]", async () => {
    const long = new Map([
      ["0201FF00", encodeDecimal(2301, 2)],
      ["02010100", new Uint8Array(40)],
    ]);
    await using place = await startServer(dlt645Meter(addressOf("1"), long, { most: 1 }));
    const whole = meterProfile({ voltage_v: { ...voltage, identifier: "0201FF00" } });
    await using device = await openAt(dlt645, place, { profile: whole });
    const { points } = await device.session.read(["default"], never);
    expect(points[0]?.fields["voltage_v"]).toBe(230.1);
    await using endless = await openAt(dlt645, place, { profile: meterProfile() });
    expect(await codeOf(endless.session.read(["default"], never))).toBe("E_DEVICE_REFUSED");
  });

  it("with a letter among the digits give a fault beside the rest", async () => {
    const values = new Map([
      ["02010100", hex("1A 23")],
      ["02010200", encodeDecimal(2302, 2)],
    ]);
    await using place = await startServer(dlt645Meter(addressOf("1"), values));
    const fields = { voltage_v: voltage, x_other_v: { ...voltage, identifier: "02010200" } };
    await using device = await openAt(dlt645, place, { profile: meterProfile(fields) });
    const { points, faults } = await device.session.read(["default"], never);
    expect(points[0]?.fields).toEqual({ x_other_v: 230.2, q: 0 });
    expect(faults).toEqual([{ code: "E_VALUE", at: "02010100 +0 ×2" }]);
  });
});

describe("SDI-12 sensors", () => {
  // 1200 baud, 7 bits, even parity. [SDI12-1.4 4.1] A break and a rest. [SDI12-1.4 7.0]
  it("that measure with C may be read at once, others one by one", () => {
    const driver = sdi12.create(contextWith());
    const fields = (command: string) => ({ temp_c: { command, value: 1 } });
    const width = (command: string) =>
      driver.width?.({
        id: "d",
        options: at,
        profile: profileOf("sdi12", [{ measurement: "soil", fields: fields(command) }]),
      });
    expect([width("C"), width("M")]).toEqual([8, 1]);
  });

  it("of another model are refused", async () => {
    await using place = await startServer(sdi12Sensor("0", { M: { values: ["+1"] } }));
    const profile = levelProfile({ vendor: "TEST", model: "OTHER" });
    await using device = await openAt(sdi12, place, { profile });
    await expect(device.session.read(["default"], never)).rejects.toThrow("it is a TEST SENSOR");
    const right = levelProfile({ vendor: "Test", model: "sensor" });
    await using known = await openAt(sdi12, place, { profile: right });
    expect((await known.session.read(["default"], never)).points).toHaveLength(1);
  });

  it("that measure for a second are waited for, with a service request and without", async () => {
    const measurements = {
      M: { seconds: 1, values: ["+1.5"] },
      C: { seconds: 1, values: ["+2.5"] },
    };
    await using place = await startServer(sdi12Sensor("0", measurements));
    const profile = profileOf("sdi12", [
      {
        measurement: "soil",
        tags: { sensor: "a" },
        fields: { temp_c: { command: "M", value: 1 }, moisture_pct: { command: "C", value: 1 } },
      },
    ]);
    await using device = await openAt(sdi12, place, { profile });
    const { points } = await device.session.read(["default"], never);
    expect(points[0]?.fields).toEqual({ temp_c: 1.5, moisture_pct: 2.5, q: 0 });
  });
});

describe("M-Bus meters", () => {
  it("whose second telegram does not come give the first, and a fault", async () => {
    const more = Uint8Array.of(...telegram, 0x1f);
    const meter = mbusMeter({ primary: 5, identity }, [more]);
    await using place = await startServer((received) => {
      const said = meter(received);
      // 5B is the request with the count toggled.
      return said !== undefined && received[1] === 0x5b ? { ...said, replies: [] } : said;
    });
    const options = { primary: 5, timeout: "100ms" };
    await using device = await openAt(mbus, place, { options, profile: heatProfile });
    const { points, faults } = await device.session.read(["default"], never);
    expect(points).toHaveLength(1);
    expect(faults).toEqual([{ code: "E_DEVICE_TIMEOUT", at: "telegram 2" }]);
  });

  it("are found by their secondary address, wildcards and all", async () => {
    await using place = await startServer(mbusMeter({ primary: 5, identity }, [telegram]));
    const options = { secondary: "1234FFFF", manufacturer: "KAM", timeout: "150ms" };
    await using device = await openAt(mbus, place, { options, profile: heatProfile });
    expect((await device.session.read(["default"], never)).points).toHaveLength(1);
    const other = { ...options, manufacturer: "EFE" };
    await using absent = await openAt(mbus, place, { options: other, profile: heatProfile });
    expect(await codeOf(absent.session.read(["default"], never))).toBe("E_DEVICE_TIMEOUT");
  });

  it("with nothing of the profile are refused", async () => {
    await using place = await startServer(mbusMeter({ primary: 5, identity }, [telegram]));
    const fields = { volume_l_total: { quantity: "volume", scale: 1000 } };
    const profile = profileOf("mbus", [{ measurement: "heat_meter", fields }]);
    await using device = await openAt(mbus, place, { options: { primary: 5 }, profile });
    expect(await codeOf(device.session.read(["default"], never))).toBe("E_DEVICE_REFUSED");
  });
});
