/** What a session needs of a line, be it a serial bus or a TCP connection. */

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
}

export interface Exchanger extends AsyncDisposable {
  /**
   * Sends a request when the line is free and gives the reply's PDU, exceptions included. No
   * retries: each request is answered, or rejects with a verdict, within its own time.
   * @throws E_CONNECT, E_DISCONNECTED, E_SERIAL and its kin, E_MODBUS_TIMEOUT, E_MODBUS_FRAME,
   *   E_MODBUS_CRC, E_MODBUS_BUSY
   */
  exchange(exchange: Exchange, signal: AbortSignal): Promise<Uint8Array>;
}
