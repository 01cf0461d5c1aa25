/** `rackstreet read` of devices that are no Modbus: options by --set, the maker's line settings. */
import { describe, expect, test } from "vitest";
import { needs } from "../peers.ts";
import { mbusHeader, mbusMeter, sdi12Sensor } from "../drivers/polled/slaves.ts";
import { hex, startSerial, startServer } from "../drivers/polled/world.ts";
import { startLine } from "../line.ts";
import { rackstreet } from "./run.ts";

const identity = { id: "24083345", manufacturer: "EFE", version: 0, medium: 4 };
const records = hex("04 06 E7 91 00 00 02 5B 16 00");
const meter = () =>
  mbusMeter({ primary: 5, identity }, [Uint8Array.of(...mbusHeader(identity), ...records)]);

const heat = ["read", "--profile", "mbus-heat-meter"];

describe("read", () => {
  test.each([
    ["primary", ["--set", "primary=5"]],
    ["secondary", ["--set", "secondary=24083345", "--set", "manufacturer=EFE"]],
  ])("of an M-Bus meter by its %s address behind a serial server", async (_what, set) => {
    await using place = await startServer(meter());
    const { address = "" } = place.options;
    const { code, out } = await rackstreet([...heat, "--address", address, ...set]);
    expect(code).toBe(0);
    expect(out).toMatch(/heat_meter +energy_wh_total +37\.35 MWh +energy +e7 91 00 00/);
    expect(out).toMatch(/heat_meter +supply_c +22 °C +flow_temperature +16 00/);
  });

  test("of a meter that is not there exits 75 and says what to check", async () => {
    await using place = await startServer(meter());
    const { address = "" } = place.options;
    const set = ["--set", "primary=6", "--set", "timeout=100ms"];
    const { code, err } = await rackstreet([...heat, "--address", address, ...set]);
    expect(code).toBe(75);
    expect(err).toMatch(/E_DEVICE_TIMEOUT: tcp:.*: meter 6: SND_NKE: no answer within 100 ms/);
    expect(err).toContain("Check address and wiring");
  });
});

describe.skipIf(!needs("socat", "socat"))("read on a serial line", () => {
  test("takes the line settings of the profile", async () => {
    await using place = await startSerial(sdi12Sensor("0", { M: { values: ["+1.234", "+8.7"] } }));
    const { port } = place;
    const set = ["--set", "break=adapter"];
    const { code, out } = await rackstreet([
      "read",
      "--profile",
      "ott-pls",
      "--port",
      port,
      ...set,
    ]);
    expect(code).toBe(0);
    expect(out).toMatch(/water_level +main +level_m +1\.23 m +M value 1 +\+1\.234/);
  });

  test("that can make no break says so", async () => {
    await using line = await startLine();
    const { code, err } = await rackstreet(["read", "--profile", "ott-pls", "--port", line.ours]);
    expect(code).toBe(75);
    expect(err).toMatch(/E_SERIAL: .*: the port makes no break \(.*\); let the adapter do/);
  });
});
