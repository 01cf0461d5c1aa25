/**
 * Devices with an SNMP agent, v1, v2c or v3: UPSes, rack PDUs, sensors, switches. What a product
 * offers stands in its profile; its traps are heard where the configuration gives an address.
 */
import { addressText } from "../../config/index.ts";
import { GatewayError } from "../../telemetry/index.ts";
import { defineDriver } from "../contract.ts";
import { Audiences } from "../transport/audience.ts";
import { HearingSession, LearnedSources } from "../transport/hearing.ts";
import { loginOf } from "./door.ts";
import { noticeEar } from "./notice.ts";
import { snmpOptions, snmpOptionsSchema } from "./options.ts";
import type { SnmpOptions } from "./options.ts";
import type { SnmpProfile } from "./profile.ts";
import { snmpProfile } from "./profile.ts";
import { SnmpSession } from "./session.ts";
import type { TrapEar, TrapMark, TrapPlatform } from "./traps.ts";
import { trapWay } from "./traps.ts";

export const snmp = defineDriver({
  name: "snmp",
  about: "UPSes, rack PDUs, sensors and switches with an SNMP agent, v1, v2c or v3.",
  options: snmpOptions,
  parse: snmpOptionsSchema,
  profile: snmpProfile,
  create(platform) {
    const audiences = new Audiences<unknown, TrapEar>();
    return {
      busKey: ({ options }) => `snmp ${addressText(options.address)}`,
      // Async, so that a mistake in the profile rejects.
      async open({ id, options, profile, memory }) {
        if (profile === undefined) {
          throw new GatewayError("E_CONFIG", `${id}: an SNMP device needs a profile`);
        }
        const { address, version, timeout, retries } = options;
        const where = addressText(address);
        const endpoint = { address: where, version };
        const sources = new LearnedSources();
        const listen = listening({ id, options, profile, sources }, { audiences, platform });
        return new SnmpSession({
          id,
          profile,
          endpoint,
          clock: platform.clock,
          memory,
          sources,
          listen,
          reach: () => {
            const name = `${id} at ${where}`;
            return { name, endpoint: address, login: loginOf(options), timeout, retries };
          },
        });
      },
      [Symbol.asyncDispose]: () => audiences[Symbol.asyncDispose](),
    };
  },
});

interface Listening {
  readonly id: string;
  readonly options: SnmpOptions;
  readonly profile: SnmpProfile;
  readonly sources: LearnedSources;
}

interface Shared {
  readonly audiences: Audiences<unknown, TrapEar>;
  readonly platform: TrapPlatform;
}

/** How a device's traps are heard; undefined: nowhere. */
function listening(
  { id, options, profile, sources }: Listening,
  { audiences, platform }: Shared,
): HearingSession<unknown, TrapMark>["listen"] | undefined {
  const { traps, address } = options;
  if (traps === undefined) return undefined;
  const { clock } = platform;
  const place = addressText(traps);
  const hearing = new HearingSession<unknown, TrapMark>({
    name: `${id}, traps at ${place}`,
    audience: audiences.of(place, trapWay(traps, platform)),
    mark: { host: address.host, login: () => loginOf(options) },
    clock,
    silence: undefined,
    ear: (heard) => noticeEar({ profile, clock }, sources.noting(heard)),
    origin: () => ({ endpoint: {}, sources: [] }),
  });
  return (heard, signal) => hearing.listen(heard, signal);
}
