/**
 * What a Modbus device may be given in the configuration, beside the keys of every device.
 */
import type { Address, Schema } from "../../config/index.ts";
import { address, duration, option, text, v, whole } from "../../config/index.ts";

/** The port registered for Modbus TCP. [MODBUS-TCP 4.3.1] */
const modbusPort = 502;

/** Most transactions that a server takes, by the implementation guide. */
const mostOutstanding = 16;

export const modbusOptions = {
  address: v.optional(
    option(address({ tcp: modbusPort, "rtu+tcp": modbusPort }), {
      about: "Where a networked device or gateway listens; `rtu+tcp` carries RTU frames over TCP.",
      example: "tcp://10.0.0.7:502",
    }),
  ),
  bus: v.optional(
    option(text, { about: "Name of the serial bus the device hangs on.", example: "rs485" }),
  ),
  unit: v.optional(option(whole(0, 255), { about: "Unit identifier.", example: 7 }), 1),
  timeout: v.optional(
    option(duration, { about: "How long the device may take to answer.", example: "1s" }),
    "1s",
  ),
  pause: v.optional(
    option(duration, { about: "Silence before each request to it.", example: "20ms" }),
    "0ms",
  ),
  outstanding: v.optional(
    option(whole(1, mostOutstanding), {
      about:
        "How many requests may wait for answers at once on its Modbus TCP connection, for all " +
        "units of one address alike. Left out, the agent begins with one and learns, up to 8, " +
        "as long as each answer comes whole and in order.",
      example: 4,
    }),
  ),
};

interface CommonOptions {
  readonly unit: number;
  /** @unit ms */
  readonly timeout: number;
  /** @unit ms */
  readonly pause: number;
}

/** A device behind a network address. */
export interface NetworkOptions extends CommonOptions {
  readonly address: Address;
  /** Modbus TCP only. */
  readonly outstanding: number | undefined;
  readonly bus: undefined;
}

/** A device on a serial bus. */
export interface SerialOptions extends CommonOptions {
  readonly address: undefined;
  readonly outstanding: undefined;
  readonly bus: string;
}

export type ModbusOptions = NetworkOptions | SerialOptions;

const form = v.object(modbusOptions);

/** Exactly one of `address` and `bus`; a unit that can answer. */
export const modbusOptionsSchema: Schema<ModbusOptions> = v.pipe(
  form,
  v.rawTransform(({ dataset, addIssue, NEVER }): ModbusOptions => {
    const { address, bus, outstanding, ...common } = dataset.value;
    if (address !== undefined && bus !== undefined) {
      addIssue({ message: "give either `address` or `bus`, not both" });
      return NEVER;
    }
    if (outstanding !== undefined && address?.scheme !== "tcp") {
      addIssue({ message: "`outstanding` is for Modbus TCP (`address: tcp://HOST`) only" });
      return NEVER;
    }
    if (address !== undefined) return { ...common, address, outstanding, bus: undefined };
    if (bus === undefined) {
      addIssue({ message: "give `address` (tcp://HOST:502) or `bus` (the name of a serial bus)" });
      return NEVER;
    }
    if (common.unit === 0) {
      // Nobody answers a broadcast. [MODBUS-RTU 2.1]
      addIssue({ message: "`unit` 0 is everybody on a serial bus; give 1 to 247" });
      return NEVER;
    }
    return { ...common, address: undefined, outstanding: undefined, bus };
  }),
);
