/** Settings: what is sent, once, and what is known afterwards. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SetReport } from "../../../drivers/contract.ts";
import { simulate } from "../../../drivers/modbus/simulator.ts";
import {
  checkWriteReply,
  decodeWriteOne,
  encodeException,
  encodeReadReply,
  encodeWrite,
} from "../../../drivers/modbus/pdu.ts";
import type { Behaviour } from "./world.ts";
import { codeOf, never, openDevice, profileOf, realClock, startPeer } from "./world.ts";

const lamp = {
  ...profileOf({}, [
    { measurement: "street_light", tags: { lamp: "1" }, fields: { dim_pct: { at: 0x10 } } },
  ]),
  settings: {
    dim_pct: { about: "Level.", range: [0, 100], to: { at: 0x10 } },
    out_state: { about: "Relay.", range: [0, 1], to: { at: 3, table: "coil" } },
    limit_w: {
      about: "Limit.",
      range: [0, 1e6],
      to: { at: 0x20, type: "uint32", order: "CDAB", scale: 10 },
    },
    cmd_code: { about: "Command.", range: [0, 9], to: { at: 0x30, readable: false } },
  },
};

async function setOn(address: string, setting: string, value: number): Promise<SetReport> {
  await using device = await openDevice({ address, timeout: "100ms" }, lamp);
  const { actuator } = device.session;
  if (actuator === undefined) throw new Error("the device has settings");
  return await actuator.set(setting, value, never);
}

/** Functions 5, 6 and 16. [MODBUS-AP 6.5] [MODBUS-AP 6.6] [MODBUS-AP 6.12] */
describe("what is sent", () => {
  test.each([
    ["dim_pct", 40, "0600100028"],
    ["out_state", 1, "050003ff00"],
    ["out_state", 0, "0500030000"],
    ["limit_w", 1_000_000, "10002000020486a00001"],
    ["cmd_code", 7, "0600300007"],
  ])("%s = %d", async (setting, value, pdu) => {
    await using peer = await startPeer("tcp", (request, link) => {
      link.send(request.wrap(encodeException(request.pdu, 2)));
    });
    expect(await codeOf(setOn(peer.address, setting, value))).toBe("E_MODBUS_EXCEPTION");
    expect(peer.requests.map((one) => Buffer.from(one.pdu).toString("hex"))).toEqual([pdu]);
  });

  test("a write of one word reads back as it was", () => {
    const span = fc.record({
      table: fc.constantFrom("coil" as const, "holding" as const),
      at: fc.nat(0xffff),
      word: fc.nat(0xffff),
    });
    const property = fc.property(span, ({ table, at, word }) => {
      const words = Uint16Array.of(table === "coil" ? word & 1 : word);
      expect(decodeWriteOne(encodeWrite({ table, at, words }))).toEqual({ table, at, words });
    });
    fc.assert(property);
  });

  test("only the request repeated is a yes", () => {
    const request = encodeWrite({ table: "holding", at: 7, words: Uint16Array.of(1, 2) });
    checkWriteReply(request, request.slice(0, 5), "x");
    const other = fc.uint8Array({ minLength: 2, maxLength: 12 }).filter((bytes) => {
      return Buffer.compare(Buffer.from(bytes), Buffer.from(request.slice(0, 5))) !== 0;
    });
    fc.assert(
      fc.property(other, (reply) => {
        expect(() => checkWriteReply(request, reply, "x")).toThrow();
      }),
    );
  });
});

test("settings are repeated along a device, and shown elsewhere where they are", async () => {
  const profile = {
    ...lamp,
    settings: {
      "lamp{n}_dim_pct": {
        about: "Lamp {n}.",
        range: [0, 100],
        repeat: { count: 3, stride: 5, from: 0 },
        to: { at: 3000, shown: 3004 },
      },
    },
  };
  await using peer = await startPeer("tcp", (request, link) => {
    const yes = request.span === undefined ? request.pdu : encodeReadReply(request.span, [7]);
    link.send(request.wrap(yes));
  });
  await using device = await openDevice({ address: peer.address }, profile);
  const { actuator } = device.session;
  const names = actuator?.settings.map(({ name, about }) => `${name}: ${about}`);
  expect(names).toEqual([
    "lamp0_dim_pct: Lamp 0.",
    "lamp1_dim_pct: Lamp 1.",
    "lamp2_dim_pct: Lamp 2.",
  ]);
  const report = await actuator?.set("lamp2_dim_pct", 40, never);
  expect(report).toEqual({ outcome: "done", shown: 7 });
  const asked = peer.requests.map(({ pdu }) => Buffer.from(pdu).toString("hex"));
  expect(asked).toEqual(["060bc20028", "030bc60001"]);
});

describe("what is known afterwards", () => {
  test("a device that took it shows it", async () => {
    await using device = await simulate({ profile: lamp, listen: {}, clock: realClock });
    expect(await setOn(device.address, "dim_pct", 40)).toEqual({ outcome: "done", shown: 40 });
    expect(await setOn(device.address, "limit_w", 500)).toEqual({ outcome: "done", shown: 500 });
    expect(await setOn(device.address, "out_state", 1)).toEqual({ outcome: "done", shown: 1 });
    expect(await setOn(device.address, "cmd_code", 3)).toEqual({
      outcome: "done",
      shown: undefined,
    });
  });

  /** Swallows the answer to a write; reads show `shown`, or nothing. */
  const mute =
    (shown: number | undefined): Behaviour =>
    (request, link) => {
      if (request.span === undefined || shown === undefined) return;
      link.send(request.wrap(encodeReadReply(request.span, [shown])));
    };

  test("no answer, but the device shows it: done", async () => {
    await using peer = await startPeer("tcp", mute(40));
    expect(await setOn(peer.address, "dim_pct", 40)).toEqual({ outcome: "done", shown: 40 });
    expect(peer.requests).toHaveLength(2);
  });

  test("no answer, and the device shows another value: surely not done", async () => {
    await using peer = await startPeer("tcp", mute(30));
    await expect(setOn(peer.address, "dim_pct", 40)).rejects.toThrow("the device shows 30");
  });

  test.each(["dim_pct", "cmd_code"])("no answer at all to %s: unknown", async (setting) => {
    await using peer = await startPeer("tcp", mute(undefined));
    const report = await setOn(peer.address, setting, 5);
    expect(report).toMatchObject({ outcome: "unknown", error: { code: "E_MODBUS_TIMEOUT" } });
    const writes = peer.requests.filter(({ span }) => span === undefined);
    expect(writes).toHaveLength(1);
  });

  test("a value that the register cannot hold is not sent", async () => {
    await using peer = await startPeer("tcp", mute(undefined));
    expect(await codeOf(setOn(peer.address, "cmd_code", 70_000))).toBe("E_VALUE");
    expect(peer.requests).toEqual([]);
  });

  test("nobody there: surely not done", async () => {
    expect(await codeOf(setOn("tcp://127.0.0.1:1", "dim_pct", 40))).toBe("E_CONNECT");
  });
});
