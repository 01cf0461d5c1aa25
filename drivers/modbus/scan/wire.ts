/**
 * What looking for devices needs of a wire: ask one unit, hear everything. The line of the driver
 * (`line.ts`) hands over the one answer it waits for; whoever looks for devices wants to know what
 * else was heard: damaged bytes, a second answer, an answer that came too late.
 */
export interface Ask {
  readonly unit: number;
  readonly pdu: Uint8Array;
  /** Silence after the request after which nobody is there. @unit ms */
  readonly timeout: number;
  /** Only whether somebody answers matters: an answer to an earlier request will do. */
  readonly anyAnswer?: boolean;
}

export type Heard =
  | {
      readonly kind: "answer";
      readonly pdu: Uint8Array;
      /** From the end of the request until the answer was whole. @unit ms */
      readonly after: number;
    }
  | {
      readonly kind: "silence";
      /** Requests that the unit was sent: each may still be answered. */
      readonly sent: number;
    }
  /** Bytes that are no frame: a collision, noise, or another speed. */
  | { readonly kind: "damaged"; readonly bytes: Uint8Array };

/** A frame that nobody waited for. */
export interface Stray {
  readonly unit: number;
  readonly pdu: Uint8Array;
  /** Another master's request, or a device's answer. */
  readonly request: boolean;
}

/** One request at a time: callers wait for one before the next. */
export interface Wire extends AsyncDisposable {
  /** @throws E_DISCONNECTED when the connection is lost or `signal` aborts */
  ask(ask: Ask, signal: AbortSignal): Promise<Heard>;
  /** Listens for `ms` without asking. */
  listen(ms: number, signal: AbortSignal): Promise<void>;
  /** The frames out of turn since the last call; bounded, the oldest are dropped. */
  takeStrays(): Stray[];
}

/** Strays kept until they are taken. */
export const strayLimit = 64;

/** Whether a PDU is an exception, and which. [MODBUS-AP 7] */
export function exceptionIn(pdu: Uint8Array): number | undefined {
  return ((pdu[0] ?? 0) & 0x80) === 0 ? undefined : (pdu[1] ?? 0);
}
