/** What polled devices are taken to cost their wire, before anything is read and after. */
import { describe, expect, it } from "vitest";
import { dlt645 } from "../../../drivers/dlt645/index.ts";
import { mbus } from "../../../drivers/mbus/index.ts";
import { sdi12 } from "../../../drivers/sdi12/index.ts";
import { umb } from "../../../drivers/umb/index.ts";
import { needs } from "../../peers.ts";
import { never } from "../modbus/world.ts";
import { mbusHeader, mbusMeter } from "./slaves.ts";
import { hex, openAt, profileOf, startSerial } from "./world.ts";

const voltage = { identifier: "02010100", bytes: 2, decimals: 1 };
const meterProfile = profileOf("dlt645", [
  { measurement: "energy_meter", fields: { voltage_v: voltage } },
]);
const heatProfile = profileOf("mbus", [
  { measurement: "heat_meter", fields: { energy_wh_total: { quantity: "energy" } } },
]);
const levelProfile = profileOf("sdi12", [
  { measurement: "water_level", fields: { level_m: { value: 1 } } },
]);
const identity = { id: "12345678", manufacturer: "KAM", version: 8, medium: 4 };
const telegram = Uint8Array.of(...mbusHeader(identity), ...hex("04 06 E7 91 00 00"));

describe("a plan", () => {
  const rs485 = { line: { port: "/dev/ttyUSB0", baud: 2400, parity: "even" } };
  const bus = { options: { bus: "line" }, buses: rs485 };
  /** 2400 baud, 11 bits. */
  const character = 11_000 / 2400;

  it("counts bytes, silence and what a meter thinks [DLT645-2007 5.3.3]", async () => {
    await using device = await openAt(dlt645, bus, { profile: meterProfile });
    const { requests = [], unitLoad } = device.session.plan?.(["default"]) ?? {};
    // Four FE, twelve bytes around and four of the identifier; the same and two of the value.
    const ms = (20 + 22 + 3.5) * character + 50;
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ at: "02010100", wanted: 1 });
    expect(requests[0]?.ms).toBeCloseTo(ms, 6);
    expect(unitLoad).toBe(1);
  });

  it.skipIf(!needs("socat", "socat"))("learns how long telegrams are", async () => {
    await using place = await startSerial(mbusMeter({ primary: 5, identity }, [telegram]));
    const options = { primary: 5 };
    await using device = await openAt(mbus, place, { options, profile: heatProfile });
    const times = () =>
      device.session.plan?.(["default"]).requests.map(({ parts }) => parts["bytes"]);
    const fast = 10_000 / 115_200;
    expect(times()).toEqual([6, 125].map((bytes) => bytes * fast));
    await device.session.read(["default"], never);
    expect(times()).toEqual([6, 5 + telegram.length + 9].map((bytes) => bytes * fast));
  });

  it("of a station has as many requests as its channels need", async () => {
    const fields = Object.fromEntries(
      Array.from({ length: 20 }, (_, at) => [`x_${at}_c`, { channel: 100 + at }]),
    );
    const profile = profileOf("umb", [{ measurement: "environment", fields }]);
    await using device = await openAt(umb, bus, { profile });
    const { requests = [] } = device.session.plan?.(["default"]) ?? {};
    expect(requests.map(({ wanted }) => wanted)).toEqual([15, 5]);
    expect(requests[1]?.parts["bytes"]).toBeCloseTo((14 + 11 + 14 + 2 + 45) * character, 6);
  });

  it("is none behind a serial server, whose line is not known here", async () => {
    const place = { options: { address: "tcp://10.0.0.7" }, buses: {} };
    await using device = await openAt(dlt645, place, { profile: meterProfile });
    expect(device.session.plan).toBeUndefined();
  });

  it("is none where a sensor says itself how long it measures", async () => {
    await using device = await openAt(sdi12, bus, { profile: levelProfile });
    expect(device.session.plan).toBeUndefined();
  });
});
