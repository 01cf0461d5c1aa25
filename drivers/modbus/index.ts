/**
 * Modbus: RTU over serial lines, RTU over TCP, and Modbus TCP. Reads coils, discrete inputs,
 * holding and input registers as a profile says; never writes.
 */
import { GatewayError } from "../../telemetry/index.ts";
import { defineDriver } from "../contract.ts";
import type { Exchange } from "./exchange.ts";
import { Lines } from "./lines.ts";
import { modbusOptions, modbusOptionsSchema } from "./options.ts";
import { profileProblems } from "./profile-problems.ts";
import { modbusProfile } from "./profile.ts";
import { explainValue } from "./retrace.ts";
import { ModbusSession } from "./session.ts";
import { isSunSpec } from "./sunspec/resolve.ts";
import { SunSpecSession } from "./sunspec/session.ts";

export const modbus = defineDriver({
  name: "modbus",
  about: "Meters, PDUs, UPS, coolers, gensets and sensors over Modbus RTU and TCP.",
  options: modbusOptions,
  parse: modbusOptionsSchema,
  profile: { ...modbusProfile, problems: profileProblems },
  explain: explainValue,
  create({ buses, clock }) {
    const lines = new Lines(buses, clock);
    return {
      busKey: ({ options }) => lines.keyOf(options),
      width: ({ options }) => lines.widthOf(options),
      async open({ id, options, profile, memory }) {
        if (profile === undefined) {
          throw new GatewayError("E_CONFIG", `${id}: a Modbus device needs a profile`);
        }
        const { line, release } = lines.lease(options);
        try {
          const parts = {
            profile,
            endpoint: { ...lines.whereOf(options), unit: options.unit },
            unit: { unit: options.unit, timeout: options.timeout, pause: options.pause },
            exchange: (exchange: Exchange, signal: AbortSignal) => line.exchange(exchange, signal),
            depth: () => line.depth?.() ?? 1,
            timing: lines.timingOf(options),
            release,
            clock,
            memory,
          };
          return isSunSpec(profile) ? new SunSpecSession(parts) : new ModbusSession(parts);
        } catch (error) {
          await release();
          throw error;
        }
      },
      [Symbol.asyncDispose]: () => lines[Symbol.asyncDispose](),
    };
  },
});
