/**
 * Weather and water instruments that speak NMEA 0183 on a serial line (4800 8N1 by the standard) or
 * over TCP. Positions and courses are passed over: a street instrument stands still.
 */
import type { Session, Target } from "../contract.ts";
import { defineDriver } from "../contract.ts";
import { Audiences } from "../transport/audience.ts";
import { calm } from "../transport/calm.ts";
import { HearingSession, LearnedSources } from "../transport/hearing.ts";
import { openWire, wireEndpoint, wireKey } from "../transport/wire.ts";
import { nmeaEar } from "./ear.ts";
import type { NmeaOptions } from "./options.ts";
import { nmeaOptions, nmeaOptionsSchema } from "./options.ts";
import type { Cut } from "./sentence.ts";
import { SentenceReader } from "./sentence.ts";

/** What a line may carry over TCP: forty times the fastest line. @unit bytes a second */
const rate = 256 * 1024;

export const nmea = defineDriver({
  name: "nmea",
  about: "Weather and water instruments that speak NMEA 0183, on a serial line or over TCP.",
  options: nmeaOptions,
  parse: nmeaOptionsSchema,
  create({ buses, clock }) {
    const audiences = new Audiences<Cut>();
    return {
      busKey: ({ options }) => wireKey(options, buses),
      // Async, so that what is wrong with the options rejects.
      async open({ id, options }: Target<NmeaOptions, unknown>): Promise<Session> {
        const key = wireKey(options, buses);
        const endpoint = wireEndpoint(options, buses);
        const strict = options.checksum === "strict";
        const sources = new LearnedSources();
        return new HearingSession<Cut>({
          name: `${id} at ${key}`,
          audience: audiences.of(`${key} ${options.checksum}`, async (events, signal) => {
            const channel = await openWire(options, buses, signal);
            const reader = new SentenceReader(strict);
            calm(channel, clock, rate).onData((bytes) => events.heard(reader.accept(bytes)));
            channel.onClose(events.broken);
            return { close: () => channel.close() };
          }),
          mark: {},
          clock,
          silence: options.silence,
          ear: (heard) => nmeaEar(options, clock, sources.noting(heard)),
          origin: () => ({ endpoint, sources: sources.all }),
        });
      },
      [Symbol.asyncDispose]: () => audiences[Symbol.asyncDispose](),
    };
  },
});
