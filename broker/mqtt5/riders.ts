/**
 * What of MQTT 5 goes with a message through a broker that knows 3.1.1 alone. It is found by the
 * very payload, which the broker hands on as it is, uncopied, from the publisher to each subscriber
 * and into what waits; where a payload ends, so does what rides on it.
 */

import type { Properties } from "./properties.ts";
import { propertyIds } from "./properties.ts";

/** Of one message. */
export interface Rider {
  /** Encoded, without their length. */
  readonly properties: Buffer;
  /** When it is of no more use; undefined: never. @unit ms since 1970-01-01 UTC */
  readonly until?: number | undefined;
}

export class Riders {
  readonly #riders = new WeakMap<object, Rider>();
  readonly #now: () => number;

  /** @param now ms since 1970-01-01 UTC */
  constructor(now: () => number) {
    this.#now = now;
  }

  seat(payload: Buffer, rider: Rider): void {
    this.#riders.set(payload, rider);
  }

  of(payload: Buffer | string | undefined): Rider | undefined {
    return typeof payload === "object" ? this.#riders.get(payload) : undefined;
  }

  /** Whether a message is not to be heard any more [MQTT5-3.3.2-5]. */
  isStale(payload: Buffer | string | undefined): boolean {
    const until = this.of(payload)?.until;
    return until !== undefined && until <= this.#now();
  }

  /** What is left of its time, at least 1 [MQTT5-3.3.2-6]; undefined: it has no end. @unit s */
  secondsLeft({ until }: Rider): number | undefined {
    return until === undefined ? undefined : Math.max(1, Math.ceil((until - this.#now()) / 1000));
  }

  /** @param seconds from now */
  until(seconds: number | undefined): number | undefined {
    return seconds === undefined ? undefined : this.#now() + seconds * 1000;
  }
}

/** What goes with a message that has these properties; undefined: nothing does. */
export function riderOf(
  { riding, numbers }: Pick<Properties, "riding" | "numbers">,
  riders: Riders,
): Rider | undefined {
  const until = riders.until(numbers.get(propertyIds.messageExpiry));
  return riding.length === 0 && until === undefined ? undefined : { properties: riding, until };
}
