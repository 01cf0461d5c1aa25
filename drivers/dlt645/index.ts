/**
 * DL/T 645-2007, the serial protocol of electricity meters in China, and the reading part of its
 * edition of 1997; over RS-485 or a serial server. Reads, never writes.
 */
import { GatewayError } from "../../telemetry/index.ts";
import { defineDriver } from "../contract.ts";
import type { Found } from "../polled.ts";
import { PolledSession, rounded } from "../polled.ts";
import { askParts } from "../polled-parts.ts";
import type { PlannedExchange } from "../polled-plan.ts";
import { Askers } from "../transport/askers.ts";
import { decodeDecimal } from "./frame.ts";
import { exchangeOf, Meter } from "./meter.ts";
import { dlt645Options, dlt645OptionsSchema } from "./options.ts";
import type { Dlt645Field } from "./profile.ts";
import { dlt645Profile } from "./profile.ts";

/** The usual line; the standard asks for no silence, adapters for some. */
const habits = {
  usual: { baud: 2400, parity: "even", dataBits: 8, stopBits: 1 },
  gap: 3.5,
} as const;

/** The standard allows 20 to 500; most meters take some 50. [DLT645-2007 5.3.3] @unit ms */
const think = 50;

export const dlt645 = defineDriver({
  name: "dlt645",
  about: "Electricity meters that speak DL/T 645-2007 (or 1997) on RS-485.",
  options: dlt645Options,
  parse: dlt645OptionsSchema,
  profile: dlt645Profile,
  create(context) {
    const askers = new Askers(context, habits);
    return {
      busKey: ({ options }) => askers.keyOf(options),
      async open({ id, options, profile }) {
        if (profile === undefined) {
          throw new GatewayError("E_CONFIG", `${id}: a DL/T 645 meter needs a profile`);
        }
        const { asker, release } = askers.lease(options);
        const number = options.meter === "any" ? undefined : options.meter;
        const { clock } = context;
        const meter = new Meter({ asker, clock, number, timeout: options.timeout });
        const endpoint = { ...askers.whereOf(options), meter: options.meter };
        try {
          const gather = gathering(meter);
          const { serial } = profile.header;
          const pace = asker.pace && { ...asker.pace, think, unitLoad: serial?.unitLoad ?? 1 };
          const planning = { exchanges: exchangesOf, pace };
          return new PolledSession({ id, profile, endpoint, at, form, gather, planning, release });
        } catch (error) {
          await release();
          throw error;
        }
      },
      [Symbol.asyncDispose]: () => askers[Symbol.asyncDispose](),
    };
  },
});

function at({ identifier, at: first, bytes }: Dlt645Field): string {
  return `${identifier} +${first} ×${bytes}`;
}

function form({ bytes, decimals, sign }: Dlt645Field): Record<string, unknown> {
  return { bytes, decimals, sign };
}

function exchangesOf(fields: readonly Dlt645Field[]): PlannedExchange[] {
  const blocks = Map.groupBy(fields, ({ identifier }) => identifier);
  return [...blocks].map(([identifier, those]) => exchangeOf(identifier, those));
}

/** Each data identifier is asked for once, whatever the fields that come from it. */
function gathering(meter: Meter) {
  return async (fields: readonly Dlt645Field[], signal: AbortSignal) => {
    const parts = [...new Set(fields.map(({ identifier }) => identifier))];
    const ask = (part: string): Promise<Uint8Array> => meter.read(part, signal);
    try {
      const { answers, faults } = await askParts({ parts, ask, at: (part) => part }, signal);
      return { find: (field: Dlt645Field) => found(field, answers.get(field.identifier)), faults };
    } catch (error) {
      meter.forget();
      throw error;
    }
  };
}

/** Undefined where a block ends before the field: the meter has fewer phases or tariffs. */
function found(field: Dlt645Field, block: Uint8Array | undefined): Found | undefined {
  const bytes = block?.subarray(field.at, field.at + field.bytes);
  if (bytes === undefined || bytes.length < field.bytes) return undefined;
  const value = decodeDecimal(bytes, field.sign !== "none");
  if (value === undefined) return undefined;
  return {
    value: rounded((field.sign === "dropped" ? Math.abs(value) : value) / 10 ** field.decimals),
    raw: Buffer.from(bytes)
      .toString("hex")
      .replaceAll(/(..)(?=.)/g, "$1 "),
  };
}
