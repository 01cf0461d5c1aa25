/** The short question to a device that fell silent. */
import { describe, expect, it } from "vitest";
import { encodeException } from "../../../drivers/modbus/pdu.ts";
import { codeOf, honest, never, openDevice, profileOf, startPeer } from "./world.ts";

const profile = profileOf({ type: "float32", table: "input" }, [
  { measurement: "meter_phase", tags: { phase: "L1" }, fields: { voltage_v: { at: 0 } } },
  {
    measurement: "thermal",
    tags: { sensor: "a" },
    fields: { temp_c: { at: 0x10, table: "holding", type: "uint16" } },
  },
]);

const refusing = (exception: number) =>
  startPeer("rtu+tcp", ({ wrap, pdu }, link) => link.send(wrap(encodeException(pdu, exception))));

describe("a probe", () => {
  it("asks for the shortest field alone", async () => {
    await using peer = await startPeer("rtu+tcp", honest);
    await using device = await openDevice({ address: peer.address }, profile);
    await device.session.probe?.(never);
    expect(peer.requests.map(({ span }) => span)).toEqual([
      { table: "holding", at: 0x10, count: 1 },
    ]);
  });

  it("counts a refusal as an answer, but not what a gateway says of a silent device", async () => {
    for (const [exception, code] of [
      [2, "none"],
      [6, "none"],
      [10, "E_MODBUS_BUSY"],
      [11, "E_MODBUS_BUSY"],
    ] as const) {
      await using peer = await refusing(exception);
      await using device = await openDevice({ address: peer.address }, profile);
      expect(await codeOf(device.session.probe?.(never) ?? Promise.resolve())).toBe(code);
    }
  });

  it("waits no longer than answers took before, but for each eighth", async () => {
    let silent = false;
    await using peer = await startPeer("rtu+tcp", (request, link) => {
      if (!silent) honest(request, link);
    });
    await using device = await openDevice({ address: peer.address, timeout: "1500ms" }, profile);
    await device.session.read(["default"], never);
    silent = true;
    const messages: string[] = [];
    for (let count = 0; count < 8; count += 1) {
      const { probe } = device.session;
      await probe
        ?.call(device.session, never)
        .catch((error: unknown) => messages.push(String(error)));
    }
    const waits = messages.map((message) => Number(/within (\d+) ms/.exec(message)?.[1]));
    expect(Math.max(...waits.slice(0, 7))).toBeLessThan(1500);
    expect(waits[7]).toBe(1500);
  });
});
