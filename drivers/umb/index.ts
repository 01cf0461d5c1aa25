/**
 * Lufft UMB, binary protocol 1.0: weather stations, road and precipitation sensors on RS-485 or
 * behind a serial server. Reads, never sets.
 */
import { defineDriver } from "../contract.ts";
import type { Found, Gathered } from "../polled.ts";
import { hexOf } from "../polled.ts";
import { polledDriver } from "../polled-driver.ts";
import type { PlannedExchange } from "../polled-plan.ts";
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
  create: (context) =>
    polledDriver(context, {
      kind: "a UMB device",
      habits,
      device({ asker, options, profile }) {
        const { unit, unitClass, timeout } = options;
        const address = addressOf(unitClass, unit);
        const station = new Station({ asker, address, timeout });
        const unitLoad = profile.header.serial?.unitLoad ?? 1;
        const pace = asker.pace && { ...asker.pace, think, unitLoad };
        const name = { device: address.toString(16) };
        return { name, at, gather: gathering(station), planning: { exchanges, pace } };
      },
    }),
});

function at({ channel }: UmbField): string {
  return `channel ${channel}`;
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
  const raw = hexOf(answer.raw);
  return { value: answer.value, raw };
}
