/** A Modbus device or line named on the command line, without a configuration. */
import { address, v } from "../config/index.ts";
import type { ProbeTarget } from "../drivers/index.ts";
import { modbusOptionsSchema } from "../drivers/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import { parsedArgument } from "./command.ts";

const deviceAddress = address({ tcp: 502, "rtu+tcp": 502 });

export const wireOptions = {
  address: { type: "string", describe: "tcp://HOST[:PORT] or rtu+tcp://HOST[:PORT]." },
  port: { type: "string", describe: "A serial port." },
  baud: { type: "number", default: 9600, describe: "Speed of --port." },
  parity: {
    type: "string",
    default: "none",
    choices: ["none", "even", "odd"],
    describe: "Parity of --port.",
  },
  timeout: { type: "string", default: "1s", describe: "How long a device may take to answer." },
} as const;

export interface WireArguments {
  readonly address: string | undefined;
  readonly port: string | undefined;
  readonly baud: number;
  readonly parity: string;
  readonly timeout: string;
}

/** A device's options as a configuration would hold them, and the buses it names. */
export interface RawTarget {
  readonly options: Readonly<Record<string, unknown>>;
  readonly buses: ProbeTarget["buses"];
}

/** @throws E_USAGE */
export function rawTargetOf(given: WireArguments, unit: number): RawTarget {
  const { address: where, port, baud, parity, timeout } = given;
  if ((where === undefined) === (port === undefined)) {
    throw new GatewayError("E_USAGE", "give either --address or --port");
  }
  if (where !== undefined) parsedArgument("address", where, deviceAddress);
  const wire = where === undefined ? { bus: "cli" } : { address: where };
  const options = { ...wire, unit, timeout };
  const parsed = v.safeParse(modbusOptionsSchema, options);
  if (!parsed.success) throw new GatewayError("E_USAGE", parsed.issues[0].message);
  return { options, buses: port === undefined ? {} : { cli: { port, baud, parity } } };
}

/** @throws E_USAGE */
export function targetOf(given: WireArguments, unit: number): ProbeTarget {
  const { options, buses } = rawTargetOf(given, unit);
  return { options: v.parse(modbusOptionsSchema, options), buses };
}
