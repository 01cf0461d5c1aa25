/**
 * SDI-12 version 1.4: soil, water and weather sensors on a three-wire bus, over a serial adapter or
 * a serial server. Measures, never sets.
 */
import { GatewayError } from "../../telemetry/index.ts";
import { defineDriver } from "../contract.ts";
import type { Found, Gathered } from "../polled.ts";
import { PolledSession } from "../polled.ts";
import { askParts } from "../polled-parts.ts";
import { Askers } from "../transport/askers.ts";
import { sdi12Options, sdi12OptionsSchema } from "./options.ts";
import type { Sdi12Field, Sdi12Profile } from "./profile.ts";
import { sdi12Profile } from "./profile.ts";
import { Sensor } from "./sensor.ts";

/** The bus as the standard has it. [SDI12-1.4 4.1] */
const habits = {
  usual: { baud: 1200, parity: "even", dataBits: 7, stopBits: 1 },
  gap: 1,
} as const;

/** Sensors that measure at once. Each holds the bus only while it talks. */
const concurrent = 8;

export const sdi12 = defineDriver({
  name: "sdi12",
  about: "Soil, water and weather sensors on an SDI-12 bus.",
  options: sdi12Options,
  parse: sdi12OptionsSchema,
  profile: sdi12Profile,
  create(context) {
    const askers = new Askers(context, habits);
    const { clock } = context;
    return {
      busKey: ({ options }) => askers.keyOf(options),
      width: ({ profile }) => (profile !== undefined && isConcurrent(profile) ? concurrent : 1),
      async open({ id, options, profile }) {
        if (profile === undefined) {
          throw new GatewayError("E_CONFIG", `${id}: an SDI-12 sensor needs a profile`);
        }
        const { asker, release } = askers.lease(options);
        const { sensor: address, timeout } = options;
        const { check, vendor, model } = profile.header;
        const expected = {
          ...(vendor === undefined ? {} : { vendor }),
          ...(model === undefined ? {} : { model }),
        };
        const breaks = options.break === "line";
        const crc = check === "crc";
        const sensor = new Sensor({ asker, clock, address, crc, breaks, expected, timeout });
        const endpoint = { ...askers.whereOf(options), sensor: address };
        const gather = gathering(sensor);
        try {
          return new PolledSession({ id, profile, endpoint, at, form, gather, release });
        } catch (error) {
          await release();
          throw error;
        }
      },
      [Symbol.asyncDispose]: () => askers[Symbol.asyncDispose](),
    };
  },
});

function isConcurrent({ points }: Sdi12Profile): boolean {
  const fields = points.flatMap((point) => Object.values(point.fields));
  return fields.every(({ command }) => command.startsWith("C"));
}

function at({ command, value }: Sdi12Field): string {
  return `${command} value ${value}`;
}

/** All of it stands in the place's words. */
function form(): Record<string, unknown> {
  return {};
}

/** Each measurement is taken once, whatever the fields that come from it. */
function gathering(sensor: Sensor) {
  return async (
    fields: readonly Sdi12Field[],
    signal: AbortSignal,
  ): Promise<Gathered<Sdi12Field>> => {
    const parts = [...new Set(fields.map(({ command }) => command))];
    const ask = (part: string): Promise<readonly string[]> => sensor.measure(part, signal);
    const { answers, faults } = await askParts({ parts, ask, at: (part) => part }, signal);
    return { find: (field) => found(field, answers.get(field.command)), faults };
  };
}

function found(
  { value: nth }: Sdi12Field,
  values: readonly string[] | undefined,
): Found | undefined {
  const text = values?.[nth - 1];
  return text === undefined ? undefined : { value: Number(text), raw: text };
}
