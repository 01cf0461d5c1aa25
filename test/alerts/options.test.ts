/** The form of a rule: what it fills in and what it refuses, with which words. */
import { describe, expect, it } from "vitest";
import { rulesOptions } from "../../alerts/index.ts";
import { validate, YamlFile } from "../../config/index.ts";

const hot = {
  about: "hot",
  measurement: "thermal",
  field: "temp_c",
  above: 27,
};

function rulesOf(rule: Readonly<Record<string, unknown>>): unknown {
  const file = new YamlFile("rules.yaml", JSON.stringify({ "rack-hot": rule }, null, 1));
  return validate(rulesOptions, file);
}

describe("a rule", () => {
  it("needs little: the rest has a meaning of its own", () => {
    expect(rulesOf(hot)).toEqual({
      "rack-hot": {
        kind: "live",
        about: "hot",
        severity: "warning",
        measurement: "thermal",
        fields: ["temp_c"],
        join: "worst",
        where: {},
        by: ["device", "sensor"],
        quality: 1,
        for: 0,
        keep: 0,
        inhibits: [],
        near: "device",
        failure: false,
        threshold: { side: "above", limit: 27, clear: 27 },
      },
    });
  });

  it("on stored data has a schedule, a window and an aggregate", () => {
    expect(rulesOf({ ...hot, on: "stored", every: "10s" })).toMatchObject({
      "rack-hot": {
        kind: "stored",
        every: 10_000,
        window: 300_000,
        measure: { as: "value", aggregate: "mean" },
      },
    });
  });

  it("with an expression looks at the fields that it names", () => {
    const { field: _, above: __, ...rest } = hot;
    const rule = { ...rest, measurement: "ups", expr: "load_pct > 80 && on_battery_state == 1" };
    expect(rulesOf(rule)).toMatchObject({
      "rack-hot": {
        kind: "live",
        fields: ["load_pct", "on_battery_state"],
        threshold: { side: "above", limit: 0, clear: 0 },
      },
    });
  });

  it("on a window asks the store, as long as its measure needs", () => {
    expect(rulesOf({ ...hot, as: "forecast", within: "90m" })).toMatchObject({
      "rack-hot": {
        kind: "stored",
        every: 300_000,
        window: 21_600_000,
        measure: { as: "forecast", side: "above", limit: 27 },
        threshold: { side: "below", limit: 1.5, clear: 1.5 },
      },
    });
    expect(rulesOf({ ...hot, as: "rate" })).toMatchObject({
      "rack-hot": { kind: "stored", window: 900_000, measure: { as: "rate", per: 3_600_000 } },
    });
  });

  it("that joins series leaves out those that are long silent", () => {
    expect(rulesOf({ ...hot, join: "sum" })).toMatchObject({ "rack-hot": { fresh: 900_000 } });
    expect(rulesOf(hot)).toMatchObject({ "rack-hot": { fresh: undefined } });
  });

  it("on absence is of whole devices", () => {
    const silent = { about: "silent", measurement: "rack_phase", absent: "60s" };
    expect(rulesOf(silent)).toMatchObject({
      "rack-hot": { kind: "absent", absent: 60_000, by: ["device"] },
    });
  });

  it.each([
    ["no condition", { above: undefined }, "needs one of above, below or absent"],
    ["two conditions", { below: 10 }, "use only one of above, below"],
    ["an absence with a field", { above: undefined, absent: "60s" }, "not a field"],
    ["an absence on stored data", { above: undefined, absent: "60s", on: "stored" }, "live points"],
    ["no field", { field: undefined }, "needs a field; known: temp_c"],
    ["a measurement that is not there", { measurement: "thermall" }, 'did you mean "thermal"?'],
    ["a field that is not there", { field: "temp_x" }, 'did you mean "temp_c"?'],
    ["a text as a number", { measurement: "device_event", field: "reason" }, "is a text"],
    ["a clear value on the wrong side", { clear: 28 }, "must not exceed above: 27"],
    ["a clear value under below", { above: undefined, below: 5, clear: 4 }, "must not be under"],
    ["a tag that is not there", { where: { senzor: "inlet" } }, 'did you mean "sensor"?'],
    ["a channel of another measurement", { by: ["device", "phase"] }, "has no tag phase"],
    ["a class in the store", { on: "stored", where: { class: "thermal" } }, "not in the store"],
    ["a window on live points", { window: "5m" }, "only for rules on: stored"],
    ["an empty grouping", { by: [] }, "name at least one tag"],
    ["a schedule too fast", { on: "stored", every: "10ms" }, "must be at least 1s"],
    ["a schedule too slow", { on: "stored", every: "30d" }, "must be at most 1d"],
    ["a field and an expression", { expr: "temp_c * 2" }, "not both"],
    ["an expression that is none", { field: undefined, expr: "temp_c >" }, "Unexpected token"],
    ["an expression of a stranger", { field: undefined, expr: "tmp_c * 2" }, 'mean "temp_c"?'],
    ["an expression of no field", { field: undefined, expr: "1 + 1" }, "names no field"],
    ["an expression of a text", { field: undefined, expr: "string(temp_c)" }, "gives a string"],
    ["a limit of a truth", { field: undefined, expr: "temp_c > 1" }, "needs no limit"],
    ["a window on live points", { as: "rate", on: "live" }, "leave `on` out"],
    ["a forecast without an end", { as: "forecast" }, "needs within"],
    ["an end without a forecast", { within: "1h" }, "only for as: forecast"],
    ["a rate's time without a rate", { per: "1h" }, "only for as: rate"],
    ["a spread of an expression", { field: undefined, expr: "temp_c*2", as: "spread" }, "a field"],
    ["joined windows", { as: "changes", join: "sum" }, "only for as: value"],
    ["freshness of stored rows", { on: "stored", fresh: "1m" }, "only for rules on live points"],
    ["a misspelt key", { abvoe: 3 }, 'did you mean "above"?'],
  ])("is refused for %s", (_name, change, complaint) => {
    expect(() => rulesOf({ ...hot, ...change })).toThrow(complaint);
  });

  it("of absence cannot be told apart by channels that nobody has seen", () => {
    const rule = { about: "silent", measurement: "rack_phase", absent: "60s", by: ["phase"] };
    expect(() => rulesOf(rule)).toThrow("put phase in where");
  });

  it("names the line of the mistake", () => {
    const source = "rack-hot:\n  about: hot\n  measurement: thermal\n  field: temp\n  above: 27\n";
    const parse = (): unknown => validate(rulesOptions, new YamlFile("rules.yaml", source));
    expect(parse).toThrow("rules.yaml:4:10: rack-hot.field: thermal has no field temp");
  });
});
