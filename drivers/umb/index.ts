/**
 * Lufft UMB, binary protocol 1.0: weather stations, road and precipitation sensors on RS-485 or
 * behind a serial server. Reads, never sets.
 */
import { GatewayError } from "../../telemetry/index.ts";
import { defineDriver } from "../contract.ts";
import type { Found, Gathered } from "../polled.ts";
import { PolledSession } from "../polled.ts";
import type { PlannedExchange } from "../polled-plan.ts";
import { Askers } from "../transport/askers.ts";
import { addressOf } from "./frame.ts";
import { umbOptions, umbOptionsSchema } from "./options.ts";
import type { UmbField } from "./profile.ts";
import { umbProfile } from "./profile.ts";
import { exchangesOf, Station } from "./station.ts";
import type { StationAnswer } from "./station.ts";

const habits = {
  usual: { baud: 19_200, parity: "none", dataBits: 8, stopBits: 1 },
  gap: 3.5,
} as const;

/** @unit ms */
const think = 20;

export const umb = defineDriver({
  name: "umb",
  about: "Weather and road sensors of Lufft over their UMB binary protocol.",
  options: umbOptions,
  parse: umbOptionsSchema,
  profile: umbProfile,
  create(context) {
    const askers = new Askers(context, habits);
    return {
      busKey: ({ options }) => askers.keyOf(options),
      async open({ id, options, profile }) {
        if (profile === undefined) {
          throw new GatewayError("E_CONFIG", `${id}: a UMB device needs a profile`);
        }
        const { unit, unitClass, timeout } = options;
        const { asker, release } = askers.lease(options);
        const address = addressOf(unitClass, unit);
        const station = new Station({ asker, address, timeout });
        const endpoint = { ...askers.whereOf(options), device: address.toString(16) };
        const gather = gathering(station);
        const { serial } = profile.header;
        const pace = asker.pace && { ...asker.pace, think, unitLoad: serial?.unitLoad ?? 1 };
        const planning = { exchanges, pace };
        try {
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

function at({ channel }: UmbField): string {
  return `channel ${channel}`;
}

/** All of it stands in the place's words. */
function form(): Record<string, unknown> {
  return {};
}

function exchanges(fields: readonly UmbField[]): PlannedExchange[] {
  return exchangesOf([...new Set(fields.map(({ channel }) => channel))]);
}

function gathering(station: Station) {
  return async (fields: readonly UmbField[], signal: AbortSignal): Promise<Gathered<UmbField>> => {
    const channels = [...new Set(fields.map(({ channel }) => channel))];
    const answer = await station.read(channels, signal);
    return { find: (field) => found(field, answer), faults: answer.faults };
  };
}

function found({ channel }: UmbField, { channels }: StationAnswer): Found | undefined {
  const answer = channels.get(channel);
  if (answer?.value === undefined) return undefined;
  const raw = Buffer.from(answer.raw)
    .toString("hex")
    .replaceAll(/(..)(?=.)/g, "$1 ");
  return { value: answer.value, raw };
}
