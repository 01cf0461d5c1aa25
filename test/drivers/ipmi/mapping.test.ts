/** Which field a sensor is, and under which tag. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sensor } from "../../../drivers/ipmi/found.ts";
import { parseSensors as freeSensors } from "../../../drivers/ipmi/freeipmi.ts";
import { parseSensors } from "../../../drivers/ipmi/ipmitool.ts";
import type { Choice } from "../../../drivers/ipmi/mapping.ts";
import { placeSensors } from "../../../drivers/ipmi/mapping.ts";
import { fits, tagsOf } from "../../../drivers/ipmi/names.ts";
import { Rows } from "../../../drivers/ipmi/rows.ts";
import { problemOf } from "../../../telemetry/index.ts";

const all: Choice = { skip: [], rename: {} };

/** `name=reading` of entity 7 unless it says otherwise: `PS1@10.1=230 Volts`. */
function sensors(...entries: readonly string[]): readonly Sensor[] {
  const lines = entries.map((entry, index) => {
    const [, name = "", entity = "7.1", reading] = /^(.*?)(?:@([\d.]+))?=(.*)$/.exec(entry) ?? [];
    const number = (index + 1).toString(16).toUpperCase().padStart(2, "0");
    return `${name.padEnd(16)} | ${number}h | ok  | ${entity} | ${reading}`;
  });
  return parseSensors(lines.join("\n")).sensors;
}

/** What they become: `thermal cpu1-temp temp_c=61`, without the health that goes with a value. */
function placed(list: readonly Sensor[], choice: Choice = all): string[] {
  const rows = new Rows();
  placeSensors(rows, list, choice);
  const points = rows.points(() => undefined);
  expect(points.map(problemOf).filter((problem) => problem !== undefined)).toEqual([]);
  return points.flatMap(({ measurement, tags = {}, fields }) =>
    Object.entries(fields)
      .filter(([field]) => field !== "q")
      .filter(([field]) => field !== "health_state" || measurement === "power_supply")
      .map(([field, value]) =>
        [measurement, ...Object.values(tags), `${field}=${value}`].join(" "),
      ),
  );
}

describe("a sensor, by kind [IPMI-2.0 42.2] and entity [IPMI-2.0 43.14]", () => {
  it.each([
    ["CPU1 Temp=61 degrees C", "thermal cpu1-temp temp_c=61"],
    ["Inlet Temp=23 degrees C", "server inlet_c=23"],
    ["01-Inlet Ambient=23 degrees C", "server inlet_c=23"],
    ["Ambient Temp=23 degrees C", "server inlet_c=23"],
    ["Exhaust_Temp=35 degrees C", "server exhaust_c=35"],
    ["PSU1 Inlet=35 degrees C", "thermal psu1-inlet temp_c=35"],
    ["GPU Inlet=35 degrees C", "thermal gpu-inlet temp_c=35"],
    ["FAN1=8000 RPM", "fan fan1 speed_rpm=8000"],
    ["Fan 1 DutyCycle=43 percent", "fan fan-1-dutycycle speed_pct=43"],
    ["Block@30.1=43 percent", "fan block speed_pct=43"],
    ["Humidity=40 percent", "thermal humidity rh_pct=40"],
    ["12V=12.06 Volts", "electrical_sensor 12v voltage_v=12.06"],
    ["Pwr Consumption=180 Watts", "electrical_sensor pwr-consumption power_w=180"],
    ["PS1 Input Volts=230 Volts", "power_supply psu1 input_voltage_v=230"],
    ["PSU2_VIN=230 Volts", "power_supply psu2 input_voltage_v=230"],
    ["PSU2_POUT=180 Watts", "power_supply psu2 output_power_w=180"],
    ["Power Supply 1 In=180 Watts", "power_supply psu1 input_power_w=180"],
    ["PS1 Current=1.20 Amps", "electrical_sensor ps1-current current_a=1.2"],
    ["PS1 Status=Presence detected", "power_supply psu1 health_state=0"],
    ["Status@10.2=Presence detected", "power_supply psu2 health_state=0"],
    ["PS1=Presence detected, Failure detected", "power_supply psu1 health_state=2"],
    ["PS1=Presence detected, Predictive failure", "power_supply psu1 health_state=1"],
    ["PS1=AC out-of-range, but present", "power_supply psu1 health_state=1"],
    ["PS1=Config Error: Vendor Mismatch", "power_supply psu1 health_state=2"],
    ["PS1=Device Absent", "power_supply psu1 health_state=3"],
  ])("%s is %s", (entry, expected) => {
    expect(placed(sensors(entry))).toEqual([expected]);
  });

  it.each([
    "CPU Usage=12 percent",
    "PS Redundancy@10.3=Fully Redundant",
    "PS1 Status=",
    "Intrusion=General Chassis intrusion",
    "Drive 1@4.1=Drive Present",
    "PSP1=Failure detected",
  ])("%s is nothing that is certain", (entry) => {
    expect(placed(sensors(entry))).toEqual([]);
  });

  it("two that say they are the inlet are two temperatures", () => {
    expect(placed(sensors("Inlet Temp 1=23 degrees C", "Inlet Temp 2=24 degrees C"))).toEqual([
      "thermal inlet-temp-1 temp_c=23",
      "thermal inlet-temp-2 temp_c=24",
    ]);
  });

  it("a second one for the same field keeps a name of its own", () => {
    expect(placed(sensors("PS1 Input=230 Volts", "PS1 Vin=231 Volts"))).toEqual([
      "power_supply psu1 input_voltage_v=230",
      "electrical_sensor ps1-vin voltage_v=231",
    ]);
  });

  it("the worst of two states of a supply counts", () => {
    const states = sensors("PS1 Status=Presence detected", "PS1 Fault=Failure detected");
    expect(placed(states)).toEqual(["power_supply psu1 health_state=2"]);
    expect(placed(states.toReversed())).toEqual(["power_supply psu1 health_state=2"]);
  });

  it("of another kind is no supply's, whatever its name", () => {
    const { sensors } = freeSensors("9,PS1 Fan Fail,Fan,Critical,N/A,N/A,'Presence detected'");
    expect(placed(sensors)).toEqual([]);
  });
});

describe("tags", () => {
  const tags = (...entries: readonly string[]): string[] => [
    ...tagsOf(sensors(...entries)).values(),
  ];

  it("are told apart by entity, where that does it, else by number", () => {
    expect(tags("Temp@3.1=1 Volts", "Temp@3.2=2 Volts", "Other=3 Volts")).toEqual([
      "temp_3-1",
      "temp_3-2",
      "other",
    ]);
    expect(tags("Temp=1 Volts", "Temp=2 Volts")).toEqual(["temp_01", "temp_02"]);
    expect(tags("+5V=1 Volts", "5V=2 Volts", "5v_01=3 Volts")).toEqual([
      "5v_01_2",
      "5v_02",
      "5v_01",
    ]);
  });

  it("are safe, unique, and the same in any order and without readings", () => {
    const name = fc
      .string({ unit: "grapheme-ascii", maxLength: 16 })
      .filter((s) => !/[|\n]/.test(s));
    const list = fc.array(name, { maxLength: 60 }).map((names) =>
      names.map((name, index): Sensor => ({
        name,
        key: index.toString(16),
        states: [],
        raw: "",
      })),
    );
    fc.assert(
      fc.property(list, (list) => {
        const tags = [...tagsOf(list).values()];
        expect(new Set(tags).size).toBe(list.length);
        for (const tag of tags) expect(tag).toMatch(/^[a-z0-9_][a-z0-9_-]{0,63}$/);
      }),
    );
  });
});

describe("choosing", () => {
  const list = sensors("CPU1 Temp=61 degrees C", "CPU2 Temp=62 degrees C", "FAN1=8000 RPM");

  it("only, skip and rename go by name or tag", () => {
    expect(placed(list, { ...all, only: ["CPU*"] })).toHaveLength(2);
    expect(placed(list, { ...all, only: ["cpu1-temp"] })).toHaveLength(1);
    expect(placed(list, { ...all, skip: ["*Temp"] })).toEqual(["fan fan1 speed_rpm=8000"]);
    expect(placed(list, { ...all, skip: ["CPU*"], rename: { FAN1: "front-left" } })).toEqual([
      "fan front-left speed_rpm=8000",
    ]);
  });

  it("a new name that another has is made unique", () => {
    const rename = { "CPU1 Temp": "cpu2-temp" };
    expect(placed(list, { ...all, skip: ["FAN1"], rename })).toEqual([
      "thermal cpu2-temp_2 temp_c=61",
      "thermal cpu2-temp temp_c=62",
    ]);
  });

  it("patterns fit as expressions would", () => {
    const piece = fc.constantFrom("a", "b", "*", "");
    const pattern = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
    const name = fc.array(fc.constantFrom("a", "b"), { maxLength: 6 }).map((all) => all.join(""));
    fc.assert(
      fc.property(name, pattern, (name, pattern) => {
        const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);
        expect(fits(name, [pattern])).toBe(expected);
      }),
    );
  });
});
