/**
 * A driver of devices that are asked frame by frame: devices of one wire share it, and the protocol
 * says of each device only how its profile is read.
 */
import type { Profile } from "../config/index.ts";
import type { Clock } from "../telemetry/index.ts";
import { GatewayError } from "../telemetry/index.ts";
import type { Driver, DriverContext } from "./contract.ts";
import type { PolledParts } from "./polled.ts";
import { PolledSession } from "./polled.ts";
import type { NumberForm } from "./polled.ts";
import type { Habits } from "./transport/askers.ts";
import { Askers } from "./transport/askers.ts";
import type { Asker } from "./transport/asking.ts";
import type { WireOptions } from "./transport/wire.ts";

/** What a protocol is given to make a device of. */
export interface PolledTarget<Options, Parts> {
  readonly asker: Asker;
  readonly options: Options;
  readonly profile: Parts;
  readonly clock: Clock;
}

export interface PolledDevice<Field> extends Pick<
  PolledParts<Field>,
  "at" | "form" | "gather" | "planning"
> {
  /** Who it is on its wire: `{ meter: "000012345678" }`. */
  readonly name: Readonly<Record<string, string | number>>;
}

export interface PolledSpec<Options, Header, Field> {
  /** What a device is called: `a DL/T 645 meter`. */
  readonly kind: string;
  readonly habits: Habits;
  readonly device: (target: PolledTarget<Options, Profile<Header, Field>>) => PolledDevice<Field>;
}

/** A driver at work on these devices. */
export function polledDriver<Options extends WireOptions, Header, Field extends NumberForm>(
  context: DriverContext,
  { kind, habits, device }: PolledSpec<Options, Header, Field>,
): Driver<Options, Profile<Header, Field>> {
  const askers = new Askers(context, habits);
  return {
    busKey: ({ options }) => askers.keyOf(options),
    async open({ id, options, profile }) {
      if (profile === undefined) {
        throw new GatewayError("E_CONFIG", `${id}: ${kind} needs a profile`);
      }
      const { asker, release } = askers.lease(options);
      try {
        const { name, ...parts } = device({ asker, options, profile, clock: context.clock });
        const endpoint = { ...askers.whereOf(options), ...name };
        return new PolledSession({ ...parts, id, profile, endpoint, release });
      } catch (error) {
        await release();
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => askers[Symbol.asyncDispose](),
  };
}
