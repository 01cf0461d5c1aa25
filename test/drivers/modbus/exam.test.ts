/**
 * The driver exam, taken over each of the three wires.
 */
import { describe } from "vitest";
import { modbus } from "../../../drivers/modbus/index.ts";
import type { DriverExam, ExamDevice } from "../../contract/driver.ts";
import { driverExam } from "../../contract/driver.ts";
import { needs } from "../../peers.ts";
import type { Behaviour, Peer } from "./world.ts";
import {
  busDefaults,
  contextWith,
  honest,
  profileOf,
  startPeer,
  startSerialPeer,
} from "./world.ts";
import { freePort } from "../../ports.ts";

const profile = profileOf({}, [
  {
    measurement: "meter_phase",
    tags: { phase: "L{n}" },
    repeat: { count: 3, stride: 2 },
    fields: { voltage_v: { at: 0, scale: 0.1 }, current_a: { at: 1, scale: 0.01 } },
  },
  {
    measurement: "energy_meter",
    every: "60s",
    fields: { import_wh_total: { at: 100, type: "uint32", table: "input" } },
  },
]);

const target = (options: Readonly<Record<string, string>>) => ({ id: "meter", options, profile });

/** A peer that can be told to keep its answers to itself. */
async function silenceable(start: (behaviour: Behaviour) => Promise<Peer>) {
  let silent = false;
  const peer = await start((request, link) => {
    if (!silent) honest(request, link);
  });
  return {
    peer,
    fallSilent: () => {
      silent = true;
      const before = peer.requests.length;
      return () => peer.requests.length > before;
    },
    wake: () => {
      silent = false;
    },
  };
}

const overNetwork = (scheme: "tcp" | "rtu+tcp"): DriverExam => ({
  name: `modbus over ${scheme}`,
  kind: modbus,
  async start(): Promise<ExamDevice> {
    const { peer, ...silence } = await silenceable((behaviour) => startPeer(scheme, behaviour));
    return {
      context: contextWith(),
      target: target({ address: peer.address }),
      nowhere: target({ address: `${scheme}://127.0.0.1:${await freePort()}` }),
      ...silence,
      [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
    };
  },
});

const overSerial: DriverExam = {
  name: "modbus over a serial line",
  kind: modbus,
  async start(): Promise<ExamDevice> {
    const { peer, ...silence } = await silenceable(startSerialPeer);
    return {
      context: contextWith({
        line: { ...busDefaults, port: peer.address },
        unplugged: { port: "/dev/rackstreet-is-not-there" },
      }),
      target: target({ bus: "line" }),
      nowhere: target({ bus: "unplugged" }),
      ...silence,
      [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
    };
  },
};

driverExam(overNetwork("tcp"));
driverExam(overNetwork("rtu+tcp"));

describe.skipIf(!needs("socat", "socat"))("with socat", () => {
  driverExam(overSerial);
});
