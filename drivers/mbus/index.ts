/**
 * M-Bus on two wires (EN 13757-2 and -3): meters of heat, water, gas and electricity, over a level
 * converter on a serial line or over a serial server. Reads, never sets.
 */
import { GatewayError } from "../../telemetry/index.ts";
import { defineDriver } from "../contract.ts";
import type { Found, Gathered } from "../polled.ts";
import { PolledSession, rounded } from "../polled.ts";
import type { PlannedExchange } from "../polled-plan.ts";
import { Askers } from "../transport/askers.ts";
import type { ReadOut } from "./meter.ts";
import { Meter } from "./meter.ts";
import type { MbusOptions } from "./options.ts";
import { mbusOptions, mbusOptionsSchema } from "./options.ts";
import type { MbusField } from "./profile.ts";
import { mbusProfile, placeOf, statusQuantity } from "./profile.ts";
import type { DataRecord } from "./records.ts";
import { permanentError } from "./response.ts";

/** The usual line; slaves want 11 bits of rest at least. [MBUS-DOC 5.2] */
const habits = {
  usual: { baud: 2400, parity: "even", dataBits: 8, stopBits: 1 },
  gap: 3.5,
} as const;

/** Up to 330 bits and 50 ms, which is 187 at 2400; most meters take less. @unit ms */
const think = 80;

export const mbus = defineDriver({
  name: "mbus",
  about: "Meters of heat, water, gas and electricity on a wired M-Bus.",
  options: mbusOptions,
  parse: mbusOptionsSchema,
  profile: mbusProfile,
  create(context) {
    const askers = new Askers(context, habits);
    return {
      busKey: ({ options }) => askers.keyOf(options),
      async open({ id, options, profile }) {
        if (profile === undefined) {
          throw new GatewayError("E_CONFIG", `${id}: an M-Bus meter needs a profile`);
        }
        const { asker, release } = askers.lease(options);
        const { whom, telegrams, timeout } = options;
        const meter = new Meter({ asker, whom, telegrams, timeout });
        const gather = async (_: unknown, signal: AbortSignal): Promise<Gathered<MbusField>> =>
          gathered(await meter.read(signal));
        const endpoint = { ...askers.whereOf(options), ...namesOf(options) };
        try {
          const at = placeOf;
          // M-Bus counts loads of its own, not those of TIA-485-A.
          const pace = asker.pace && { ...asker.pace, think, unitLoad: undefined };
          const exchanges = (fields: readonly MbusField[]): PlannedExchange[] =>
            meter.exchanges(fields.length);
          const planning = { exchanges, pace };
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

function namesOf({ whom }: MbusOptions): Record<string, string | number> {
  return typeof whom === "number" ? { primary: whom } : { secondary: whom.id };
}

/** All of it stands in the place's words. */
function form(): Record<string, unknown> {
  return {};
}

function gathered({ records, status, faults }: ReadOut): Gathered<MbusField> {
  return {
    find: (field) => found(field, records, status),
    faults,
    doubtful: (status & permanentError) !== 0,
  };
}

function found(
  field: MbusField,
  records: readonly DataRecord[],
  status: number,
): Found | undefined {
  if (field.quantity === statusQuantity) {
    return { value: status, raw: status.toString(16).padStart(2, "0") };
  }
  const record = records.filter((record) => isMeant(field, record))[field.nth - 1];
  if (record?.value === undefined) return undefined;
  const { value, quantity } = record;
  const raw = Buffer.from(record.raw)
    .toString("hex")
    .replaceAll(/(..)(?=.)/g, "$1 ");
  if (typeof value === "string" || field.quantity === undefined || quantity === undefined) {
    return { value, raw };
  }
  return { value: rounded((value * quantity.times) / quantity.over + quantity.plus), raw };
}

function isMeant(field: MbusField, record: DataRecord): boolean {
  const named =
    field.vif === undefined ? record.quantity?.name === field.quantity : record.vif === field.vif;
  const { storage, tariff, subunit } = field;
  if (!named || record.function !== field.function || record.storage !== storage) return false;
  return record.tariff === tariff && record.subunit === subunit;
}
