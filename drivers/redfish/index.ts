/**
 * Management controllers, rack PDUs and coolant distribution units that speak Redfish (DSP0266):
 * power, temperatures, fans, power supplies, accelerators; and the events that they send.
 */
import { addressText } from "../../config/index.ts";
import { defineDriver } from "../contract.ts";
import { Audiences } from "../transport/audience.ts";
import { EventFeed } from "./feed.ts";
import type { Push } from "./feed.ts";
import type { RedfishOptions } from "./options.ts";
import { redfishOptions, redfishOptionsSchema } from "./options.ts";
import type { Call, PushEar } from "./push.ts";
import { pushWay } from "./push.ts";
import { ListeningSession, RedfishSession } from "./session.ts";

export const redfish = defineDriver({
  name: "redfish",
  about: "Servers, GPU boards, rack PDUs and cooling units that speak Redfish.",
  options: redfishOptions,
  parse: redfishOptionsSchema,
  create({ clock, entropy }) {
    const audiences = new Audiences<Call, PushEar>();
    /** Bounded by the devices of the configuration. */
    const sessions = new Set<RedfishSession>();
    const pushOf = ({ events, listen }: RedfishOptions): Push | undefined => {
      if (typeof events === "string") return undefined;
      const at = listen ?? events;
      return { address: events, audience: audiences.of(addressText(at), pushWay(at)) };
    };
    return {
      busKey: ({ options }) => `redfish ${options.url}`,
      open({ id, options, memory }) {
        const push = pushOf(options);
        const parts = { id, push, clock, entropy };
        const closed = (one: RedfishSession): void => void sessions.delete(one);
        const own = { options, clock, memory, closed };
        const session =
          options.events === "off"
            ? new RedfishSession(own)
            : new ListeningSession(own, new EventFeed(parts));
        sessions.add(session);
        return Promise.resolve(session);
      },
      /** Sessions left open log out, too: a controller has few places for them. */
      async [Symbol.asyncDispose]() {
        await Promise.all([...sessions].map((session) => session[Symbol.asyncDispose]()));
        await audiences[Symbol.asyncDispose]();
      },
    };
  },
});
