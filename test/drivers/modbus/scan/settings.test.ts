/** Which line settings are tried, and which hosts are meant. */
import { describe, expect, it } from "vitest";
import { profiles } from "../../../../config/profiles.gen.ts";
import { hostsOf } from "../../../../drivers/modbus/scan/hosts.ts";
import { modbusProfiles } from "../../../../drivers/modbus/scan/library.ts";
import { settingName, settingsOf } from "../../../../drivers/modbus/scan/settings.ts";
import { addressText } from "../../../../config/index.ts";
import { codeOf } from "../world.ts";

const headers = modbusProfiles(new Map(Object.entries(profiles))).map(({ header }) => header);

describe("line settings", () => {
  it("begin with what makers ship and the standard's own [MODBUS-RTU 2.5.1]", () => {
    const all = settingsOf({ bauds: undefined, parities: undefined }, headers).map(settingName);
    expect(all.slice(0, 4)).toEqual(["9600 8N1", "9600 8E1", "19200 8E1", "19200 8N1"]);
    expect(all.length).toBeLessThanOrEqual(6);
    expect(new Set(all).size).toBe(all.length);
  });

  it("are those asked for, the likeliest first", () => {
    const all = settingsOf({ bauds: [38_400, 19_200, 9600], parities: ["odd", "even"] }, headers);
    expect(all.map(settingName)).toEqual([
      "9600 8E1",
      "19200 8E1",
      "38400 8O1",
      "38400 8E1",
      "19200 8O1",
      "9600 8O1",
    ]);
  });

  it("have the usual parities when only speeds are given", () => {
    const all = settingsOf({ bauds: [4800], parities: undefined }, headers);
    expect(all.map(settingName)).toEqual(["4800 8N1", "4800 8E1"]);
  });
});

describe("hosts", () => {
  it.each<[string[], string[]]>([
    [["10.0.0.5"], ["tcp://10.0.0.5:502"]],
    [["tcp://meter.local:1502"], ["tcp://meter.local:1502"]],
    [["rtu+tcp://10.0.0.9:4001"], ["rtu+tcp://10.0.0.9:4001"]],
    [["tcp://[fe80::1]"], ["tcp://[fe80::1]:502"]],
    [["tcp://10.0.0.5-7"], ["tcp://10.0.0.5:502", "tcp://10.0.0.6:502", "tcp://10.0.0.7:502"]],
    [["10.0.0.255-10.0.1.1"], ["tcp://10.0.0.255:502", "tcp://10.0.1.0:502", "tcp://10.0.1.1:502"]],
    [["10.0.0.4/30:99"], ["tcp://10.0.0.5:99", "tcp://10.0.0.6:99"]],
    [["10.0.0.4/32", "10.0.0.4"], ["tcp://10.0.0.4:502"]],
  ])("%j are %j", (given, expected) => {
    expect(hostsOf(given).map(addressText)).toEqual(expected);
  });

  it("of the largest network are 1,022", () => {
    expect(hostsOf(["10.1.4.0/22"])).toHaveLength(1022);
  });

  it.each([
    "10.0.0.0/21",
    "10.0.0.9-5",
    "10.0.0.1-10.0.9.1",
    "10.0.0.300",
    "10.0.0.1:70000",
    "http://10.0.0.1",
    "10.0.0.1/x",
    "",
  ])("cannot be %j", async (given) => {
    expect(await codeOf(Promise.resolve().then(() => hostsOf([given])))).toBe("E_USAGE");
  });

  it("are bounded in all", async () => {
    const given = ["10.1.4.0/22", "10.2.4.0/22"];
    expect(await codeOf(Promise.resolve().then(() => hostsOf(given)))).toBe("E_USAGE");
  });
});
