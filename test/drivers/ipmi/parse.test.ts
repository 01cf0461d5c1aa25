/** What the tools print, read strictly: a line that does not fit is a fault and never a value. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sensors } from "../../../drivers/ipmi/found.ts";
import * as freeipmi from "../../../drivers/ipmi/freeipmi.ts";
import * as ipmitool from "../../../drivers/ipmi/ipmitool.ts";

const tools = { ipmitool, freeipmi };

/** What is read of one line of ipmitool: value and unit, states, or how it is wrong. */
function readBy(line: string, parse: (output: string) => Sensors = ipmitool.parseSensors): unknown {
  const { sensors, faults } = parse(line);
  if (faults.length > 0) return faults.map(({ code }) => code).join();
  const [first] = sensors;
  if (first === undefined) return "nothing";
  if (first.value === undefined) return first.states;
  return [first.value.number, first.value.unit, first.health];
}

const row = (reading: string, status = "ok "): string =>
  `Some Sensor      | A0h | ${status} |  7.1 | ${reading}`;

describe("a line of ipmitool [IPMI-2.0 35.14]", () => {
  it.each([
    ["23 degrees C", [23, "c", 0]],
    ["-12.50 degrees C", [-12.5, "c", 0]],
    ["104 degrees F", [40, "c", 0]],
    ["300 degrees K", [26.85, "c", 0]],
    ["12.06 Volts", [12.06, "v", 0]],
    ["1.20 Amps", [1.2, "a", 0]],
    ["180 Watts", [180, "w", 0]],
    ["8000 RPM", [8000, "rpm", 0]],
    ["33 percent", [33, "pct", 0]],
    ["50 Hz", [50, "hz", 0]],
    // Known to IPMI, without a place here.
    ["40 CFM", []],
    ["12 unspecified", []],
    ["3 % degrees C", []],
    ["7 Watts * hour", []],
    ["", []],
    ["Presence detected", ["Presence detected"]],
    ["Presence detected, Failure detected", ["Presence detected", "Failure detected"]],
    ["0x0180", ["0x0180"]],
    ["Logical FRU @01h", "nothing"],
    ["Dynamic MC @ 20h", "nothing"],
    // Numbers that are none, and a unit that was cut.
    ["61 degr", "E_DEVICE_FRAME"],
    ["23", "E_DEVICE_FRAME"],
    ["23,5 degrees C", "E_DEVICE_FRAME"],
    ["1e3 degrees C", "E_DEVICE_FRAME"],
    ["23 degrees C | x", "E_DEVICE_FRAME"],
    ["9999999999999 degrees C", "E_DEVICE_FRAME"],
    [".5 Volts", "E_DEVICE_FRAME"],
  ])("reads %j as %j", (reading, expected) => {
    expect(readBy(row(reading))).toEqual(expected);
  });

  it.each([
    ["lnc", 1],
    ["unc", 1],
    ["nc ", 1],
    ["lcr", 2],
    ["ucr", 2],
    ["cr ", 2],
    ["lnr", 2],
    ["unr", 2],
    ["nr ", 2],
  ])("status %s is %d", (status, health) => {
    expect(readBy(row("5 Volts", status))).toEqual([5, "v", health]);
  });

  it.each(["No Reading", "Disabled", "Event-Only", "Not Readable", "23 degrees C"])(
    "without a reading has none, whatever stands there: %s",
    (text) => {
      expect(readBy(row(text, "ns "))).toEqual([]);
    },
  );

  it.each([
    "Some Sensor | A0h | ok | 7.1",
    "Some Sensor | A0 | ok  |  7.1 | 5 Volts",
    "Some Sensor      | A0h | bad |  7.1 | 5 Volts",
    row("Presence detected", "ucr"),
    "Error reading sensor Some Sensor (#a0)",
    "x".repeat(2000),
  ])("that is none is a fault: %s", (line) => {
    expect(readBy(line)).toBe("E_DEVICE_FRAME");
  });

  it("may have a name with anything in it, or none", () => {
    expect(ipmitool.parseSensors(row("5 Volts").replace("Some", "a|b,c")).sensors[0]?.name).toBe(
      "a|b,c Sensor",
    );
    const nameless = `${" ".repeat(16)} | A0h | ok  |  7.1 | 5 Volts`;
    expect(ipmitool.parseSensors(nameless).sensors[0]).toMatchObject({ name: "", key: "a0" });
  });
});

describe("a line of freeipmi", () => {
  const by = (line: string): unknown => readBy(line, freeipmi.parseSensors);

  it.each([
    ["2,CPU1 Temp,Temperature,Nominal,61.00,C,'OK'", [61, "c", 0]],
    ["2,CPU1 Temp,Temperature,Nominal,104.00,F,'OK'", [40, "c", 0]],
    ["11,a, b,Other Units Based Sensor,Nominal,12.00,%,'OK'", [12, "pct", 0]],
    [
      "2,T,Temperature,Nominal,96.00,C,'At or Above (>=) Upper Non-Critical Threshold'",
      [96, "c", 1],
    ],
    ["2,T,Temperature,Nominal,96.00,C,'At or Above (>=) Upper Critical Threshold'", [96, "c", 2]],
    ["2,T,Temperature,N/A,96.00,C,N/A", [96, "c", undefined]],
    ["2,T,Temperature,N/A,N/A,C,N/A", []],
    ["3,Flow,Other Units Based Sensor,Nominal,40.00,CFM,'OK'", []],
    ["9,PS1 Status,Power Supply,Nominal,N/A,N/A,'Presence detected'", ["Presence detected"]],
    ["2,T,Temperature,Nominal,61.00,C", "E_DEVICE_FRAME"],
    ["2,T,Temperature,Good,61.00,C,'OK'", "E_DEVICE_FRAME"],
    ["2,T,Temperature,Nominal,sixty,C,'OK'", "E_DEVICE_FRAME"],
    ["T,Temperature,Nominal,61.00,C,'OK'", "E_DEVICE_FRAME"],
    ["2,T,Temperature,Nominal,61.00,C,'At or Ab", "E_DEVICE_FRAME"],
  ])("reads %j as %j", (line, expected) => {
    expect(by(line)).toEqual(expected);
  });
});

describe.each(Object.entries(tools))("garbage for %s", (_tool, { parseSensors, ...tables }) => {
  const { parsePower, parseChassis } = tables;
  const garbage = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.string({ unit: "grapheme-ascii", maxLength: 300 }),
    fc
      .array(
        fc.constantFrom(
          ..."| , : . 1 07h ok ns 7.1 -5 Volts degrees C Watts 'OK' Nominal N/A true on \n".split(
            " ",
          ),
        ),
        { maxLength: 40 },
      )
      .map((words) => words.join(" ")),
  );

  it("never throws, and each line is a sensor, a fault or counted", () => {
    fc.assert(
      fc.property(garbage, (output) => {
        const { sensors, faults } = parseSensors(output);
        expect(sensors.length + faults.length).toBeLessThanOrEqual(1036);
        for (const { value } of sensors) {
          if (value !== undefined) expect(Number.isFinite(value.number)).toBe(true);
        }
        parsePower(output);
        parseChassis(output);
      }),
    );
  });

  it("a flood of it is a few faults", () => {
    const { sensors, faults } = parseSensors("nonsense\n".repeat(100_000));
    expect(sensors).toEqual([]);
    expect(faults).toHaveLength(11);
    expect(faults.at(-1)?.at).toBe("sensors: 99990 more lines that are no sensor");
    expect(parsePower("nonsense\n".repeat(100_000)).faults).toHaveLength(5);
  });

  it("long lines take no long time", () => {
    const long = `${"| ".repeat(200_000)}\n${",".repeat(400_000)}\n${" :".repeat(200_000)}`;
    expect(parseSensors(long).sensors).toEqual([]);
    expect(parsePower(long).figures).toEqual({});
  });
});

describe("tables of power [DCMI-1.5 6.6.1] and chassis [IPMI-2.0 28.2]", () => {
  it("take each line once", () => {
    const twice = "System Power : on\nSystem Power : off\n";
    const { figures, faults } = ipmitool.parseChassis(twice);
    expect(figures["on_state"]?.value).toBe(1);
    expect(faults).toHaveLength(1);
  });

  it.each(["Current Power : -5 Watts", "Current Power : 5", "Current Power : 5 kWatts"])(
    "take no %s",
    (line) => {
      expect(freeipmi.parsePower(line)).toMatchObject({ figures: {}, faults: [{}] });
    },
  );

  it("know no label of an object's own", () => {
    expect(ipmitool.parsePower("constructor : 5 Watts\n__proto__ : x\n").faults).toHaveLength(2);
  });
});
