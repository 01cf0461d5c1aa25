/** The configuration that a search writes: valid whatever devices call themselves. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig, loadLibrary } from "../../cli/config.ts";
import type { ScannedDevice } from "../../cli/scan-site.ts";
import { namedDevices, siteYaml } from "../../cli/scan-site.ts";
import { YamlFile } from "../../config/index.ts";
import { isRecord } from "../../telemetry/index.ts";

const library = await loadLibrary();
const port = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0";

interface Given {
  readonly profile?: string;
  readonly certainty?: "certain" | "likely" | "possible";
  readonly setting?: string;
  readonly address?: string;
  readonly after?: number;
  readonly texts?: Readonly<Record<string, string>>;
  readonly notes?: readonly string[];
}

function device(unit: number, given: Given = {}): ScannedDevice {
  const { profile, certainty = "certain", setting = "9600 8N1", address } = given;
  const [baud = "9600"] = setting.split(" ");
  const parity = setting.includes("E") ? "even" : "none";
  const candidate = { certainty, evidence: ["holding 0xfc02 = 0x0070 (112)"], doubts: [] };
  return {
    unit,
    line: address === undefined ? { port, baud: Number(baud), parity, setting } : undefined,
    address,
    after: given.after ?? 12,
    exception: undefined,
    notes: given.notes ?? [],
    identity: {
      objects: given.texts ?? {},
      candidates: profile === undefined ? [] : [{ profile, ...candidate }],
      asked: [{ at: "holding 0x0000 ×2", gave: "exception 2" }],
    },
  };
}

function yamlOf(devices: readonly ScannedDevice[]): string {
  return siteYaml(namedDevices(devices, library), ["Written by `rackstreet scan`."]);
}

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rackstreet-site-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function loaded(devices: readonly ScannedDevice[]) {
  const file = join(folder, "site.yaml");
  await writeFile(file, yamlOf(devices));
  return loadConfig(file);
}

describe("the configuration of a search", () => {
  it("reads what is known, and tells about what is not", async () => {
    const found = [
      device(1, { profile: "eastron-sdm630" }),
      device(2, { profile: "carlo-gavazzi-em340", certainty: "likely", after: 700 }),
      device(3, { profile: "dse-gencomm", certainty: "possible" }),
      device(4, { texts: { 0: "Acme", 1: "X1" }, notes: ["1 of 2 answers came damaged"] }),
    ];
    const { devices, config } = await loaded(found);
    expect(devices.map(({ id, options }) => [id, options["unit"], options["timeout"]])).toEqual([
      ["sdm630-1", 1, undefined],
      ["em340-2", 2, "3s"],
    ]);
    expect(config.buses["rs485"]).toMatchObject({ port, baud: 9600, parity: "none" });
    const text = yamlOf(found);
    expect(text).toContain("Unit 3 may be a dse-gencomm");
    expect(text).toContain("It calls itself Acme, X1.");
    expect(text).toContain("1 of 2 answers came damaged.");
  });

  it("has one setting for a bus: the others are told what to do", async () => {
    const { devices, config } = await loaded([
      device(1, { profile: "eastron-sdm630", setting: "19200 8E1" }),
      device(2, { profile: "eastron-sdm630" }),
      device(3, { profile: "eastron-sdm630" }),
    ]);
    expect(devices.map(({ id }) => id)).toEqual(["sdm630-2", "sdm630-3"]);
    expect(config.buses["rs485"]?.baud).toBe(9600);
  });

  it("tells devices on a network apart by host and unit", async () => {
    const gateway = { address: "tcp://10.0.0.9:502", profile: "eastron-sdm630" };
    const { devices } = await loaded([
      device(1, gateway),
      device(2, gateway),
      device(1, { address: "tcp://[fe80::1]:502", profile: "schneider-pm5xxx" }),
    ]);
    expect(devices.map(({ id, options }) => [id, options["address"]])).toEqual([
      ["sdm630-10-0-0-9-1", "tcp://10.0.0.9:502"],
      ["sdm630-10-0-0-9-2", "tcp://10.0.0.9:502"],
      ["pm5xxx-fe80-1-1", "tcp://[fe80::1]:502"],
    ]);
  });

  it("is valid when nothing is known, and when nobody is there", async () => {
    expect((await loaded([device(7)])).devices).toEqual([]);
    expect((await loaded([])).devices).toEqual([]);
  });

  it("is valid whatever devices call themselves, with names that are unique", () => {
    const given = fc.record({
      unit: fc.integer({ min: 1, max: 247 }),
      text: fc.string({ unit: "binary" }),
      known: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(given, { maxLength: 20 }), (devices) => {
        const found = devices.map(({ unit, text, known }) =>
          device(unit, {
            ...(known ? { profile: "eastron-sdm630" } : {}),
            texts: { 0: text },
            notes: [text],
          }),
        );
        const named = namedDevices(found, library);
        expect(new Set(named.map(({ name }) => name)).size).toBe(devices.length);
        const { data } = new YamlFile("site.yaml", siteYaml(named, ["x"]));
        const written = isRecord(data) && isRecord(data["devices"]) ? data["devices"] : {};
        expect(Object.keys(written)).toHaveLength(devices.filter(({ known }) => known).length);
      }),
    );
  });
});
