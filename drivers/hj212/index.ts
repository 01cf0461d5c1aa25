/**
 * Environmental stations that speak HJ 212-2017 or HJ/T 212-2005: they call us over TCP and send
 * air, noise and water by themselves; each message is answered, or they send it again for ever.
 */
import { addressText } from "../../config/index.ts";
import { defineDriver } from "../contract.ts";
import { Audiences } from "../transport/audience.ts";
import { HearingSession, LearnedSources } from "../transport/hearing.ts";
import { hj212Options, hj212OptionsSchema, ownFactors } from "./options.ts";
import { StationMemory, stationEar } from "./station.ts";
import type { Hj212Ear, Mark, Packet } from "./way.ts";
import { hj212Way } from "./way.ts";

export const hj212 = defineDriver({
  name: "hj212",
  about: "Environmental stations that call us and speak HJ 212-2017 (air, noise, water).",
  options: hj212Options,
  parse: hj212OptionsSchema,
  create({ clock, log }) {
    const audiences = new Audiences<Packet, Hj212Ear>();
    return {
      busKey: ({ options }) => `hj212 ${addressText(options.listen)}`,
      open({ id, options }) {
        const { listen, station, password, utcOffset, checksum, silence } = options;
        const address = addressText(listen);
        const own = ownFactors(options);
        const memory = new StationMemory();
        const parts = { station, password, zone: utcOffset, own, clock, memory };
        const sources = new LearnedSources();
        const session = new HearingSession<Packet, Mark>({
          name: `${id} (${station}) at ${address}`,
          audience: audiences.of(address, hj212Way(listen, { clock, log })),
          mark: { station, lenient: checksum === "lenient" },
          clock,
          silence,
          ear: (heard) => stationEar(parts, sources.noting(heard)),
          // What a station measures is learned from what it says.
          origin: () => ({
            endpoint: { listen: address, station },
            sources: sources.all,
          }),
        });
        return Promise.resolve(session);
      },
      [Symbol.asyncDispose]: () => audiences[Symbol.asyncDispose](),
    };
  },
});
