/**
 * Messages of network servers: both flavours, what they leave out, what they might hold instead;
 * payloads of any bytes; uplinks that come twice.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { v } from "../../../config/index.ts";
import type { Heard } from "../../../drivers/contract.ts";
import { decodeUplink, rowsOf } from "../../../drivers/lorawan/decode.ts";
import { lorawanEar } from "../../../drivers/lorawan/ear.ts";
import type { Uplink } from "../../../drivers/lorawan/event.ts";
import { eventOf, messageLimit } from "../../../drivers/lorawan/event.ts";
import { filtersOf, lorawanOptionsSchema } from "../../../drivers/lorawan/options.ts";
import { divide } from "../../../drivers/lorawan/payload.ts";
import { Repeats } from "../../../drivers/lorawan/repeats.ts";
import { PacketLengths } from "../../../drivers/transport/mqtt.ts";
import { problemOf } from "../../../telemetry/index.ts";
import { VirtualClock } from "../../virtual.ts";
import type { SentUplink } from "./world.ts";
import { chirpstackUplink, profileOf, stackUplink } from "./world.ts";

const eui = "24e124136b000001";
const time = "2026-01-01T00:00:00.123456789Z";
const data = Buffer.from("01755c03673401046865", "hex");
const sent: SentUplink = { eui, counter: 0, port: 85, data, time };

function uplinkOf({ topic, payload }: { topic: string; payload: string }): Uplink {
  const event = eventOf(topic, Buffer.from(payload));
  if (event?.kind !== "up") throw new Error("no uplink");
  return event;
}

const common = { kind: "up", eui, counter: 0, port: 85, time: Date.parse("2026-01-01") + 123 };

describe("uplinks", () => {
  it("of ChirpStack, where a counter or a ratio of 0 is left out", () => {
    const up = uplinkOf(chirpstackUplink(sent));
    expect(up).toMatchObject(common);
    expect(Buffer.from(up.data).toString("hex")).toBe(data.toString("hex"));
    expect(up.radio).toEqual({ rssi: -57, snr: 0, gateways: 2, spreading: 7 });
  });

  it("of The Things Stack, with its own battery", () => {
    const up = uplinkOf(stackUplink(sent));
    expect(up).toMatchObject(common);
    expect(up.radio).toEqual({ rssi: -35, snr: 5.2, gateways: 2, spreading: 12 });
    expect(up.battery?.percent).toBe(93.7);
  });

  it("without data or radio: nothing but the counter is known", () => {
    const message = { deviceInfo: { devEui: eui }, fCnt: 7 };
    const up = uplinkOf({
      topic: `application/a/device/${eui}/event/up`,
      payload: JSON.stringify(message),
    });
    expect(up).toMatchObject({ counter: 7, port: 0, time: undefined });
    expect(up.radio).toEqual({
      rssi: undefined,
      snr: undefined,
      gateways: 0,
      spreading: undefined,
    });
  });
});

describe("other events", () => {
  const event = (name: string, message: object) =>
    eventOf(`application/a/device/${eui}/event/${name}`, Buffer.from(JSON.stringify(message)));
  const deviceInfo = { devEui: eui };

  it("a status tells battery and margin, unless the device has none [LORAWAN-1.0.4 5.5]", () => {
    expect(event("status", { deviceInfo, margin: 10, batteryLevel: 75.5 })).toMatchObject({
      battery: { percent: 75.5, margin: 10, external: false },
    });
    expect(event("status", { deviceInfo, externalPowerSource: true })).toMatchObject({
      battery: { percent: undefined, margin: 0, external: true },
    });
    expect(event("status", { deviceInfo, batteryLevelUnavailable: true })).toMatchObject({
      battery: { percent: undefined },
    });
  });

  it("a join of either server; what else there is, is none of ours", () => {
    expect(event("join", { deviceInfo, devAddr: "1" })).toMatchObject({ kind: "join", eui });
    const message = { end_device_ids: { dev_eui: eui.toUpperCase() }, join_accept: {} };
    const topic = "v3/a@ttn/devices/d/join";
    expect(eventOf(topic, Buffer.from(JSON.stringify(message)))).toMatchObject({
      kind: "join",
      eui,
    });
    expect(event("txack", { deviceInfo })).toBeUndefined();
    expect(event("constructor", { deviceInfo })).toBeUndefined();
  });

  it("what is no JSON, too long, or of another form is no event", () => {
    const topic = `application/a/device/${eui}/event/up`;
    for (const text of ["", "{", "[]", "null", '{"deviceInfo":{"devEui":"x"}}', "\u0000"]) {
      expect(eventOf(topic, Buffer.from(text))).toBeUndefined();
    }
    expect(eventOf(topic, Buffer.alloc(messageLimit + 1, " "))).toBeUndefined();
    fc.assert(
      fc.property(fc.jsonValue(), fc.uint8Array({ maxLength: 100 }), (value, bytes) => {
        for (const name of [topic, "v3/a/devices/d/up", "v3/a/devices/d/join", "x"]) {
          eventOf(name, Buffer.from(JSON.stringify(value)));
          eventOf(name, bytes);
        }
      }),
    );
  });
});

describe("payloads", async () => {
  const profiles = await Promise.all(
    ["milesight-am319", "dragino-lht65", "cayenne-lpp"].map(async (id) => await profileOf(id)),
  );

  it("any bytes and any decoded object give legal points or none", () => {
    const up = uplinkOf(chirpstackUplink(sent));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 242 }),
        fc.jsonValue(),
        fc.constantFrom(...profiles),
        (data, decoded, profile) => {
          const uplink = { ...up, data, decoded, port: 2 };
          const { points } = decodeUplink(profile, rowsOf(profile), uplink);
          for (const point of points) expect(problemOf(point)).toBeUndefined();
        },
      ),
    );
  });

  it("truncated at each byte: the records before are kept, the last is a fault", async () => {
    const { header } = await profileOf("milesight-em300-th");
    const whole = divide(header, data);
    expect(whole.stuck).toBeUndefined();
    expect([...whole.records.keys()]).toEqual(["0175", "0367", "0468"]);
    for (let length = 1; length < data.length; length += 1) {
      const cut = divide(header, data.subarray(0, length));
      const ends = [3, 7, 10];
      expect(cut.records.size).toBe(ends.filter((end) => end <= length).length);
      expect(cut.stuck === undefined).toBe(ends.includes(length));
    }
  });

  it("what the network server decoded counts where bytes say nothing", async () => {
    const profile = await profileOf("milesight-em310-udl");
    const up = {
      ...uplinkOf(chirpstackUplink(sent)),
      data: new Uint8Array(0),
      decoded: { distance: 1500, position: "tilt", battery: "80" },
    };
    const { points, faults } = decodeUplink(profile, rowsOf(profile), up);
    expect(points.map(({ fields }) => fields)).toEqual([
      { distance_m: 1.5, tilt_state: 1, q: 0 },
      { battery_pct: 80, q: 0 },
    ]);
    expect(faults).toEqual([]);
    const strange = { ...up, decoded: { distance: "far", position: "constructor", battery: null } };
    expect(decodeUplink(profile, rowsOf(profile), strange)).toMatchObject({
      points: [],
      faults: [
        { code: "E_VALUE", at: "decoded distance" },
        { code: "E_VALUE", at: "decoded position" },
      ],
    });
  });

  it("FPort 0 carries no data of the device [LORAWAN-1.0.4 4.3.2]", async () => {
    const profile = await profileOf("milesight-em300-th");
    const up = uplinkOf(chirpstackUplink({ ...sent, port: 0 }));
    expect(decodeUplink(profile, rowsOf(profile), up).points).toEqual([]);
  });
});

describe("what comes twice", () => {
  const up = uplinkOf(stackUplink({ ...sent, counter: 5 }));

  it("the same frame within a minute, or the same message at any time", () => {
    const repeats = new Repeats();
    expect(repeats.isRepeat(up, 0)).toBe(false);
    expect(repeats.isRepeat({ ...up, time: (up.time ?? 0) + 2000 }, 0)).toBe(true);
    expect(repeats.isRepeat({ ...up, counter: 6 }, 0)).toBe(false);
    const chirp = uplinkOf(chirpstackUplink(sent));
    expect(repeats.isRepeat(chirp, 0)).toBe(false);
    expect(repeats.isRepeat({ ...chirp, time: 0 }, 0)).toBe(true);
  });

  it("not a counter that begins again: later, or after a join", () => {
    const repeats = new Repeats();
    expect(repeats.isRepeat(up, 0)).toBe(false);
    expect(repeats.isRepeat({ ...up, time: (up.time ?? 0) + 120_000 }, 0)).toBe(false);
    repeats.clear();
    expect(repeats.isRepeat(up, 0)).toBe(false);
  });

  it("a flood is bounded, and said to be a fault once it ebbs", async () => {
    const clock = new VirtualClock();
    const profile = await profileOf("milesight-em300-th");
    const heard: Heard[] = [];
    const parts = {
      eui,
      device: undefined,
      profile,
      rows: rowsOf(profile),
      clock,
      repeats: new Repeats(),
    };
    const ear = lorawanEar(parts, (one) => heard.push(one));
    for (let counter = 0; counter < 1000; counter += 1) {
      const event = uplinkOf(stackUplink({ ...sent, counter }));
      ear({ topic: "", event, retained: false });
    }
    expect(heard).toHaveLength(100);
    await clock.advance(1000);
    const event = uplinkOf(stackUplink({ ...sent, counter: 1000 }));
    ear({ topic: "", event, retained: false });
    expect(heard.at(-1)?.reading.faults).toHaveLength(8);
    expect(ear({ topic: "", event: { ...event, time: undefined }, retained: true })).toBe("other");
    expect(ear({ topic: `…/${eui}/…`, event: undefined, retained: false })).toBe("noise");
    expect(ear({ topic: "…/another/…", event: undefined, retained: false })).toBe("other");
  });
});

describe("whose an event is, and when", () => {
  const hear = async (device?: string) => {
    const clock = new VirtualClock();
    const profile = await profileOf("milesight-em300-th");
    const heard: Heard[] = [];
    const parts = { eui, device, profile, rows: rowsOf(profile), clock, repeats: new Repeats() };
    const ear = lorawanEar(parts, (one) => heard.push(one));
    return { heard, say: (event: Uplink) => ear({ topic: "", event, retained: false }) };
  };
  const up = uplinkOf(stackUplink(sent));

  it("one without a DevEUI is known by its id at The Things Stack", async () => {
    const nameless = { ...up, eui: "" };
    const device = `eui-${eui}`;
    expect((await hear(device)).say(nameless)).toBe("said");
    expect((await hear("another")).say(nameless)).toBe("other");
    expect((await hear()).say(nameless)).toBe("other");
    expect((await hear()).say({ ...nameless, device: undefined })).toBe("other");
  });

  it("a time that cannot be true is not taken, and is a fault", async () => {
    const { heard, say } = await hear();
    say(up);
    say({ ...up, counter: 1, time: Date.UTC(2036, 0, 1) });
    say({ ...up, counter: 2, time: 0 });
    expect(heard.map(({ time }) => time)).toEqual([up.time, undefined, undefined]);
    expect(heard.map(({ reading }) => reading.faults.map(({ at }) => at))).toEqual([
      [],
      ["time"],
      ["time"],
    ]);
  });
});

describe("topics", () => {
  const filters = (options: object) =>
    filtersOf(v.parse(lorawanOptionsSchema, { server: "mqtt://ns", eui, ...options })).flat();

  it("are the device's own, of the network that can be meant", () => {
    expect(filters({})).toEqual([
      `application/+/device/${eui}/event/up`,
      `application/+/device/${eui}/event/join`,
      `application/+/device/${eui}/event/status`,
      "v3/+/devices/+/up",
      "v3/+/devices/+/join",
    ]);
    const stack = ["v3/street@ttn/devices/d-1/up", "v3/street@ttn/devices/d-1/join"];
    expect(filters({ user: "street@ttn", device: "d-1" })).toEqual(stack);
    expect(filters({ application: "street@ttn", device: "d-1" })).toEqual(stack);
    const application = "ca739e26-7b67-4f14-b69e-d568c22a5a75";
    expect(filters({ application })).toHaveLength(3);
    expect(filters({ network: "thethings" })).toHaveLength(2);
  });

  it("an EUI may be written with separators; wildcards are refused", () => {
    expect(filters({ eui: "24:E1:24:13:6B:00:00:01" })[0]).toContain(eui);
    const parse = (options: object) =>
      v.safeParse(lorawanOptionsSchema, { server: "mqtt://ns", eui, ...options }).success;
    expect(parse({ application: "#" })).toBe(false);
    expect(parse({ device: "a/b" })).toBe(false);
    expect(parse({ eui: "24e124" })).toBe(false);
  });
});

describe("lengths of packets", () => {
  const packet = (length: number, body = length): Buffer => {
    const bytes = [0x30];
    let left = length;
    do {
      bytes.push((left % 128) | (left >= 128 ? 0x80 : 0));
      left = Math.floor(left / 128);
    } while (left > 0);
    return Buffer.concat([Buffer.from(bytes), Buffer.alloc(body, 0xff)]);
  };

  it("are found whatever the pieces [MQTT-3.1.1 2.2.3]", () => {
    const lengths = fc.array(fc.nat(20_000), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 7000 }), (lengths, piece) => {
        const stream = Buffer.concat(lengths.map((length) => packet(length)));
        const reader = new PacketLengths();
        let longest = 0;
        for (let at = 0; at < stream.length; at += piece) {
          longest = Math.max(longest, reader.accept(stream.subarray(at, at + piece)));
        }
        expect(longest).toBe(Math.max(...lengths));
      }),
    );
    expect(new PacketLengths().accept(packet(268_435_455, 0))).toBe(268_435_455);
  });
});
