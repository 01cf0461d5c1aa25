/** The four polled drivers before the examiners, behind a serial server and on a serial line. */
import { describe } from "vitest";
import type { DriverKind } from "../../../drivers/contract.ts";
import { addressOf as meterAddress, encodeDecimal } from "../../../drivers/dlt645/frame.ts";
import { dlt645 } from "../../../drivers/dlt645/index.ts";
import { mbus } from "../../../drivers/mbus/index.ts";
import { sdi12 } from "../../../drivers/sdi12/index.ts";
import { addressOf as umbAddress } from "../../../drivers/umb/frame.ts";
import { umb } from "../../../drivers/umb/index.ts";
import type { DriverExam } from "../../contract/driver.ts";
import { driverExam } from "../../contract/driver.ts";
import { needs } from "../../peers.ts";
import { freePort } from "../../ports.ts";
import { contextWith } from "../modbus/world.ts";
import { dlt645Meter, mbusHeader, mbusMeter, sdi12Sensor, umbDevice } from "./slaves.ts";
import type { Place, Slave } from "./world.ts";
import { hex, profileOf, silenceable, startSerial, startServer } from "./world.ts";

interface Candidate {
  readonly kind: DriverKind;
  readonly slave: () => Slave;
  readonly options: Readonly<Record<string, string | number>>;
  readonly profile: unknown;
}

const identity = { id: "12345678", manufacturer: "KAM", version: 8, medium: 4 };

const candidates: readonly Candidate[] = [
  {
    kind: dlt645,
    slave: () =>
      dlt645Meter(
        meterAddress("12345678"),
        new Map([
          ["0201FF00", encodeDecimal(2301, 2)],
          ["00010000", encodeDecimal(123_456, 4)],
        ]),
      ),
    options: { meter: "12345678" },
    profile: profileOf("dlt645", [
      {
        measurement: "meter_phase",
        tags: { phase: "L1" },
        fields: { voltage_v: { identifier: "0201FF00", bytes: 2, decimals: 1 } },
      },
      {
        measurement: "energy_meter",
        every: "60s",
        fields: {
          import_wh_total: { identifier: "00010000", bytes: 4, decimals: 2, scale: 1000 },
        },
      },
    ]),
  },
  {
    kind: mbus,
    slave: () =>
      mbusMeter({ primary: 5, identity }, [
        Uint8Array.of(...mbusHeader(identity), ...hex("04 06 E7 91 00 00 04 59 B9 27 00 00")),
      ]),
    options: { primary: 5 },
    profile: profileOf("mbus", [
      { measurement: "heat_meter", fields: { energy_wh_total: { quantity: "energy" } } },
      {
        measurement: "environment",
        tags: { sensor: "a" },
        every: "60s",
        fields: { temp_c: { quantity: "flow_temperature" } },
      },
    ]),
  },
  {
    kind: sdi12,
    slave: () =>
      sdi12Sensor("3", {
        M: { values: ["+1.234", "-5.6"] },
        C1: { values: ["+7"], seconds: 0 },
      }),
    options: { sensor: "3", break: "adapter" },
    profile: profileOf("sdi12", [
      {
        measurement: "water_level",
        tags: { sensor: "a" },
        fields: { level_m: { value: 1 }, temp_c: { value: 2 } },
      },
      {
        measurement: "soil",
        tags: { sensor: "a" },
        every: "60s",
        fields: { temp_c: { command: "C1", value: 1 } },
      },
    ]),
  },
  {
    kind: umb,
    slave: () =>
      umbDevice(
        umbAddress(7, 1),
        new Map([
          [100, { type: 0x16, raw: hex("F5 54 E1 41") }],
          [200, { type: 0x10, raw: hex("37") }],
        ]),
      ),
    options: {},
    profile: profileOf("umb", [
      {
        measurement: "environment",
        tags: { sensor: "a" },
        fields: { temp_c: { channel: 100 } },
      },
      {
        measurement: "thermal",
        tags: { sensor: "a" },
        every: "60s",
        fields: { rh_pct: { channel: 200 } },
      },
    ]),
  },
];

function examOf(
  { kind, slave, options, profile }: Candidate,
  name: string,
  start: (slave: Slave) => Promise<Place>,
): DriverExam {
  return {
    name: `${kind.name} ${name}`,
    kind,
    async start() {
      const { slave: answering, silence } = silenceable(slave());
      const place = await start(answering);
      const target = (where: object) => ({
        id: "device",
        options: { ...where, ...options, timeout: "1s" },
        profile,
      });
      return {
        context: contextWith(place.buses),
        target: target(place.options),
        nowhere: target({ address: `tcp://127.0.0.1:${await freePort()}` }),
        fallSilent: () => {
          silence(true);
          const before = place.requests();
          return () => place.requests() > before;
        },
        wake: () => silence(false),
        [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
      };
    },
  };
}

for (const candidate of candidates) {
  driverExam(examOf(candidate, "behind a serial server", startServer));
}

describe.skipIf(!needs("socat", "socat"))("with socat", () => {
  for (const candidate of candidates) {
    driverExam(examOf(candidate, "on a serial line", startSerial));
  }
});
