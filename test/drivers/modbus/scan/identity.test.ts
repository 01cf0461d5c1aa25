/** What a device is, asked over a line under virtual time, with all shipped profiles. */
import { describe, expect, it } from "vitest";
import { profiles as shipped } from "../../../../config/profiles.gen.ts";
import type { Identity } from "../../../../drivers/modbus/scan/identity.ts";
import { identifyUnit } from "../../../../drivers/modbus/scan/identity.ts";
import { modbusProfiles } from "../../../../drivers/modbus/scan/library.ts";
import { setting } from "../../../../drivers/modbus/scan/settings.ts";
import { VirtualClock } from "../../../virtual.ts";
import { never } from "../world.ts";
import type { Slave } from "./segment.ts";
import { registers, Segment, slave } from "./segment.ts";

const library = modbusProfiles(new Map(Object.entries(shipped)));

async function identify(device: Slave): Promise<{ identity: Identity; requests: number }> {
  const clock = new VirtualClock();
  const segment = new Segment(clock, [device]);
  await using wire = await segment.open(setting(9600, "none"));
  const asking = { wire, unit: 1, timeout: 300, profiles: library, signal: never } as const;
  const found = identifyUnit({ ...asking, texts: "last" });
  await clock.advance(600_000);
  return { identity: await found, requests: segment.written.length };
}

function best({ candidates }: Identity): string {
  return candidates.map(({ profile, certainty }) => `${profile} ${certainty}`)[0] ?? "none";
}

describe("a device", () => {
  it("is certain by its code and a value that can be, in few requests", async () => {
    const answer = registers({ 0xfc02: 0x70, 0: 0x4366, 1: 0x3333, 70: 0x4248, 71: 0 });
    const { identity, requests } = await identify(slave(1, { answer }));
    expect(best(identity)).toBe("eastron-sdm630 certain");
    expect(identity.candidates[0]?.evidence).toEqual([
      "holding 0xfc02 = 0x0070 (112)",
      "voltage_v 230.2 at input 0x0000",
      "frequency_hz 50 at input 0x0046",
    ]);
    expect(requests).toBeLessThanOrEqual(4);
  });

  it("is doubted when its values cannot be", async () => {
    const answer = registers({ 0xfc02: 0x70, 0: 0x7f00, 1: 0, 70: 0x4248, 71: 0 });
    const { identity } = await identify(slave(1, { answer }));
    expect(best(identity)).not.toBe("eastron-sdm630 certain");
    expect(identity.candidates[0]?.doubts[0]).toMatch(/^voltage_v 1\.7014e\+38 at input 0x0000/);
  });

  it("is known by its chain of SunSpec models [SUNSPEC 6.1]", async () => {
    const chain = { 40000: 0x5375, 40001: 0x6e53, 40002: 1, 40003: 2, 40006: 203, 40007: 0 };
    const answer = registers({ ...chain, 40008: 0xffff, 40009: 0 });
    const { identity } = await identify(slave(1, { answer }));
    expect(best(identity)).toBe("sunspec-meter certain");
    expect(identity.candidates[0]?.evidence).toEqual(["SunSpec models 1, 203"]);
  });

  it("without a function is asked with the other", async () => {
    const onlyHolding = registers({ 11: 340 });
    const answer: Slave["answer"] = (pdu) =>
      pdu[0] === 4 ? Uint8Array.of(0x84, 1) : onlyHolding(pdu);
    const { identity } = await identify(slave(1, { answer }));
    expect(best(identity)).toBe("carlo-gavazzi-em340 likely");
    expect(identity.candidates[0]?.evidence).toEqual(["holding 0x000b = 0x0154 (340)"]);
  });

  it("that keeps silent about what it does not have is left alone soon", async () => {
    const { identity, requests } = await identify(slave(1, { answer: () => undefined }));
    expect(best(identity)).toBe("none");
    expect(requests).toBeLessThan(14);
  });

  it("that refuses everything gives an account of what it was asked", async () => {
    const { identity } = await identify(slave(1, { answer: registers({}) }));
    expect(best(identity)).toBe("none");
    expect(identity.asked.length).toBeGreaterThan(10);
    expect(identity.asked.every(({ gave }) => /^exception [12]$/.test(gave))).toBe(true);
  });
});
