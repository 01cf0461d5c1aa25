/** What a session needs of a line, be it a serial bus or a TCP connection. */
import { decodeReadRequest, placeOf } from "./pdu.ts";

/** One request to one unit. */
export interface Exchange {
  readonly unit: number;
  readonly pdu: Uint8Array;
  /** How long the device may take. @unit ms */
  readonly timeout: number;
  /** Silence before the request, when the device wants more than the line. @unit ms */
  readonly pause: number;
  /** Waits no longer than the device's past, or else its line's, lets expect. */
  readonly hurry?: boolean;
  /** Called when the request goes out, after all that it had to wait for. */
  readonly sent?: () => void;
}

export interface Exchanger extends AsyncDisposable {
  /**
   * Sends a request when the line is free and gives the reply's PDU, exceptions included. No
   * retries: each request is answered, or rejects with a verdict, within its own time.
   * @throws E_CONNECT, E_DISCONNECTED, E_SERIAL and its kin, E_MODBUS_TIMEOUT, E_MODBUS_FRAME,
   *   E_MODBUS_CRC, E_MODBUS_BUSY
   */
  exchange(exchange: Exchange, signal: AbortSignal): Promise<Uint8Array>;
  /** How many requests of one unit it would send at once now; one when left out. */
  depth?(): number;
}

/** Which unit is asked for what, for messages. */
export function describe({ unit, pdu }: Exchange): string {
  const span = decodeReadRequest(pdu);
  return `unit ${unit}: ${span === undefined ? `function ${pdu[0]}` : placeOf(span)}`;
}
