/**
 * LoRaWAN devices, heard at the MQTT server of their network server: ChirpStack v4 or The Things
 * Stack v3. What a payload means stands in the profile.
 */
import { addressText } from "../../config/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { defineDriver } from "../contract.ts";
import { Audiences } from "../transport/audience.ts";
import { HearingSession } from "../transport/hearing.ts";
import type { MqttMark } from "../transport/mqtt-way.ts";
import { rowsOf, sourcesOf } from "./decode.ts";
import { lorawanEar } from "./ear.ts";
import { filtersOf, lorawanOptions, lorawanOptionsSchema } from "./options.ts";
import { lorawanProfile } from "./profile.ts";
import { radioSources } from "./radio.ts";
import { Repeats } from "./repeats.ts";
import type { LorawanEar, Said } from "./way.ts";
import { lorawanWay } from "./way.ts";

export const lorawan = defineDriver({
  name: "lorawan",
  about: "LoRaWAN sensors, heard through ChirpStack v4 or The Things Stack v3.",
  options: lorawanOptions,
  parse: lorawanOptionsSchema,
  profile: lorawanProfile,
  create({ clock, entropy }) {
    const audiences = new Audiences<Said, LorawanEar>();
    return {
      busKey: ({ options }) => `lorawan ${addressText(options.server)}`,
      // Async, so that a mistake in the profile rejects.
      async open({ id, options, profile }) {
        if (profile === undefined) {
          throw new GatewayError("E_CONFIG", `${id}: a LoRaWAN device needs a profile`);
        }
        const { server: url, user, password, ca, eui, device, silence } = options;
        const rows = rowsOf(profile);
        const server = addressText(url);
        const repeats = new Repeats();
        const parts = { eui, device, profile, rows, clock, repeats };
        return new HearingSession<Said, MqttMark>({
          name: `${id} (${eui}) at ${server}`,
          audience: audiences.of(
            `${server} ${user ?? ""}`,
            lorawanWay({ url, user, password, ca }, entropy),
          ),
          mark: { filters: filtersOf(options) },
          clock,
          silence,
          ear: (heard) => lorawanEar(parts, heard),
          origin: () => ({
            endpoint: { server, eui },
            sources: [...sourcesOf(rows), ...radioSources()],
          }),
        });
      },
      [Symbol.asyncDispose]: () => audiences[Symbol.asyncDispose](),
    };
  },
});
