/**
 * Which profile a device fits: the rules one by one, and every shipped profile recognised by the
 * answers that its own rules describe.
 */
import { describe, expect, it } from "vitest";
import { profileSchema, v } from "../../../config/index.ts";
import { profiles as shipped } from "../../../config/profiles.gen.ts";
import type { Answers, Candidate } from "../../../drivers/modbus/identify.ts";
import {
  candidatesOf,
  fingerprintOf,
  questionsOf,
  weighed,
} from "../../../drivers/modbus/identify.ts";
import type { Span } from "../../../drivers/modbus/pdu.ts";
import { placeOf } from "../../../drivers/modbus/pdu.ts";
import type { ModbusProfile } from "../../../drivers/modbus/profile.ts";
import { idObjects, modbusProfile } from "../../../drivers/modbus/profile.ts";
import { modbusProfiles } from "../../../drivers/modbus/scan/library.ts";
import { profileOf } from "./world.ts";

const library = modbusProfiles(new Map(Object.entries(shipped)));
const form = profileSchema("modbus", modbusProfile);
const point = { measurement: "thermal", fields: { temp_c: { at: 0 } } };

function profile(id: string, identify: readonly unknown[]): ModbusProfile {
  return v.parse(form, { ...profileOf({ identify }, [point]), id });
}

interface Device {
  readonly unit?: number;
  readonly words?: Readonly<Record<string, readonly number[]>>;
  readonly objects?: Readonly<Record<number, string>>;
}

/** A device that holds these registers from each place on, and these texts. */
function device({ unit = 1, words = {}, objects }: Device): Answers {
  return {
    unit,
    objects: objects && new Map(Object.entries(objects).map(([at, text]) => [Number(at), text])),
    words(span: Span) {
      const held = words[placeOf(span)];
      if (held === undefined || held.length < span.count) return undefined;
      return { words: Uint16Array.from(held.slice(0, span.count)), at: placeOf(span) };
    },
  };
}

function shown(candidates: readonly Candidate[]): string[] {
  return candidates.map(({ profile, certainty }) => `${profile} ${certainty}`);
}

const number = profile("number", [{ at: 0xfc02, equals: [0x70, 0x71] }]);
const small = profile("small", [{ at: 768, equals: 1 }]);
const name = profile("name", [{ at: 49, type: "string", length: 4, starts: "PM5" }]);
const texts = profile("texts", [
  { object: "vendor", starts: "acme" },
  { object: "product", contains: "9000" },
]);
const vendor = profile("vendor", [{ object: "vendor", equals: "Acme" }]);
const both = profile("both", [
  { object: "model", equals: "M2X" },
  { at: 10, equals: 500 },
]);
const range = profile("range", [{ table: "input", at: 0, between: [900, 2600] }]);
const own = profile("own", [{ at: 0x101, ownUnit: true }]);
const all = [number, small, name, texts, vendor, both, range, own];

describe("a candidate", () => {
  it.each<[string, Device, string[]]>([
    ["is likely by one number", { words: { "holding 0xfc02": [0x71] } }, ["number likely"]],
    [
      "is possible by a number that is everywhere",
      { words: { "holding 0x0300": [1] } },
      ["small possible"],
    ],
    [
      "is certain by a name, whatever its case",
      { words: { "holding 0x0031": [0x706d, 0x3533, 0x3230, 0] } },
      ["name certain"],
    ],
    [
      "is certain by vendor and product",
      { objects: { 0: "ACME Inc", 1: "X-9000" } },
      ["texts certain"],
    ],
    ["is likely by its vendor alone", { objects: { 0: "Acme", 1: "other" } }, ["vendor likely"]],
    ["is certain either way", { objects: { 5: "M2X" } }, ["both certain"]],
    [
      "is certain both ways",
      { objects: { 5: "M2X" }, words: { "holding 0x000a": [500] } },
      ["both certain"],
    ],
    [
      "is doubted when the other way speaks against it",
      { objects: { 5: "M2X" }, words: { "holding 0x000a": [501] } },
      ["both likely"],
    ],
    ["is only possible by a range", { words: { "input 0x0000": [2301] } }, ["range possible"]],
    [
      "is only possible by its own unit",
      { unit: 9, words: { "holding 0x0101": [9] } },
      ["own possible"],
    ],
    ["is none without an answer", {}, []],
    ["is none by another number", { words: { "holding 0xfc02": [0x72] } }, []],
  ])("%s", (_title, given, expected) => {
    expect(shown(candidatesOf(all, device(given)))).toEqual(expected);
  });

  it("tells its evidence and its doubts", () => {
    const words = { "holding 0xfc02": [0x70] };
    const [found] = candidatesOf([number], device({ words }));
    expect(found?.evidence).toEqual(["holding 0xfc02 = 0x0070 (112)"]);
    if (found === undefined) return;
    expect(weighed(found, "frequency_hz 50 at input 0x0046", true).certainty).toBe("certain");
    const doubted = weighed(found, "frequency_hz 0.3 at input 0x0046", false);
    expect(doubted).toMatchObject({
      certainty: "possible",
      doubts: ["frequency_hz 0.3 at input 0x0046"],
    });
  });

  it("stands behind a surer one", () => {
    const words = { "holding 0xfc02": [0x70], "holding 0x0031": [0x504d, 0x3533, 0x3230, 0] };
    expect(shown(candidatesOf(all, device({ words })))).toEqual(["name certain", "number likely"]);
  });
});

describe("rules", () => {
  it.each<[unknown[], string]>([
    [[{ equals: 1 }], "neither"],
    [[{ at: 1, object: "vendor", equals: 1 }], "both"],
    [[{ at: 1, type: "string", starts: "x" }], "a text without length"],
    [[{ object: "maker", equals: "x" }], "no object"],
    [[{ object: 7, equals: "x" }], "a reserved object [MODBUS-AP 6.21]"],
  ])("refuse %j: %s", (identify) => {
    const given = { ...profileOf({ identify }, [point]), id: "wrong" };
    expect(v.safeParse(form, given).success).toBe(false);
  });

  it("ask for each register once, what most ask for first", () => {
    const twice = profile("twice", [
      { at: 0x0b, equals: 7 },
      { at: 0xfc02, equals: 9 },
    ]);
    expect(questionsOf([number, twice, name]).map(placeOf)).toEqual([
      "holding 0xfc02",
      "holding 0x000b",
      "holding 0x0031",
    ]);
  });
});

/** A device as the simulator would make it, and with the texts that its rules want. */
function deviceOf({ header }: ModbusProfile): Answers {
  const words: Record<string, readonly number[]> = {};
  const objects: Record<number, string> = {};
  for (const rule of header.identify) {
    const fingerprint = fingerprintOf(rule);
    if (fingerprint !== undefined) words[placeOf(fingerprint.span)] = [...fingerprint.words];
    const known = Object.entries(idObjects).find(([object]) => object === rule.object);
    const [text] = [rule.equals ?? rule.starts ?? rule.contains ?? ""].flat();
    if (rule.object !== undefined) objects[known?.[1] ?? Number(rule.object)] = String(text);
  }
  return device({ words, objects });
}

describe("a shipped profile", () => {
  const known = library.filter(({ header }) => header.identify.length > 0);

  it.each(known.map((profile) => [profile.id, profile] as const))(
    "%s is recognised",
    (id, profile) => {
      const [first, second] = candidatesOf(library, deviceOf(profile));
      expect(first?.profile).toBe(id);
      expect(first?.certainty === second?.certainty && first?.certainty === "certain").toBe(false);
    },
  );
});
