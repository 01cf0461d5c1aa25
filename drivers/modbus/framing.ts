/**
 * What a line needs of its framing: requests become bytes, bytes become replies. One request at a
 * time.
 */
export interface Framing {
  /** The bytes to send for a request; what comes from now on is held against it. */
  begin(unit: number, pdu: Uint8Array): Uint8Array;
  /**
   * Takes what was received and gives the reply once it is whole.
   * @throws E_MODBUS_FRAME, E_MODBUS_CRC
   */
  accept(bytes: Uint8Array): Uint8Array | undefined;
  /** Ends the request, answered or not; true when bytes came that were no reply. */
  end(): boolean;
  /**
   * Whether an answer to the last request has come after that was ended; asking forgets it. For
   * framings whose replies do not say which request they answer.
   */
  unasked?(): boolean;
  /** Forgets everything: the connection is a new one. */
  reset(): void;
}
