/** What a broker of MQTT 5 says of itself and of what it refuses. */

/** Bounds that a broker gave in its CONNACK [MQTT5 3.2.2.3]. */
export interface BrokerBounds {
  /** QoS 1 publishes that it takes before it has acknowledged some. */
  readonly window: number;
  /** @unit bytes */
  readonly packet: number;
  /** Whether it keeps retained messages. */
  readonly retains: boolean;
}

/** What of a CONNACK says so. */
interface Connack {
  readonly properties?: {
    readonly receiveMaximum?: number;
    readonly maximumPacketSize?: number;
    readonly retainAvailable?: boolean;
  };
}

export function boundsOf({ properties }: Connack): BrokerBounds {
  return {
    window: properties?.receiveMaximum ?? 65_535,
    packet: properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    retains: properties?.retainAvailable ?? true,
  };
}

/** Lets as many go on at once as there is room for; the others wait in their order. */
export class Turnstile {
  readonly #size: number;
  #inside = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  async enter(): Promise<void> {
    if (this.#inside >= this.#size) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return;
    }
    this.#inside += 1;
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inside -= 1;
    else next();
  }
}

/** Reason codes of a DISCONNECT or a CONNACK that a person can do something about. */
const known: Readonly<Record<number, string>> = {
  0x87: "not authorized",
  0x8b: "it is shutting down",
  0x8d: "nothing was heard of this link for too long",
  0x8e: "another client came with the same identifier: are there two with one id?",
  0x93: "too many publishes at once",
  0x95: "a message was too large for it",
  0x97: "a quota is used up",
  0x98: "by its administrator",
};

/** What a reason code of MQTT 5 says; with the broker's own words where it has some. */
export function reasonText(code: number, words?: string): string {
  const text = known[code] ?? `reason 0x${code.toString(16)}`;
  return words === undefined || words === "" ? text : `${text} (${words})`;
}

/** Whether an error of MQTT.js says that the broker does not speak 5. */
export function refusesVersion(error: unknown): boolean {
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  return error.code === 1 || error.code === 0x84;
}

/** The reason of a publish that was refused; undefined: it failed for another cause. */
export function refusalOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  const { code } = error;
  if (typeof code !== "number" || code < 0x80) return undefined;
  return reasonText(code);
}
