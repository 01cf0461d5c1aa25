/**
 * Requests on an RTU line that were given up and may still be answered. RTU replies carry no
 * transaction id: a late one with the same unit, function and length looks like the answer to the
 * next request, and the two would be out of step for ever.
 *
 * The way out is a fence: before the next request of that kind, one is sent whose reply has a
 * length that no ghost's reply has. Devices answer in order, so once the fence's reply is there,
 * every ghost has spoken or never will.
 */
import { dataBytes, decodeReadRequest, encodeRead, pduLimits, tables } from "./pdu.ts";

/** Ghosts of one unit after which a fence no longer helps and only a long silence does. */
const ghostLimit = 4;

/** Units on a line are numbered by a byte, which bounds the map. */
export class Ghosts {
  readonly #byUnit = new Map<number, Uint8Array[]>();

  /** A request was given up. */
  add(unit: number, pdu: Uint8Array): void {
    const ghosts = this.#byUnit.get(unit) ?? [];
    if (ghosts.length === ghostLimit) ghosts.shift();
    ghosts.push(pdu);
    this.#byUnit.set(unit, ghosts);
  }

  /** Whether a late reply could be taken for the answer to this request. */
  haunted(unit: number, pdu: Uint8Array): boolean {
    // The length is no help: an exception reply has the same for every request of a function.
    return this.#byUnit.get(unit)?.some((ghost) => ghost[0] === pdu[0]) ?? false;
  }

  /**
   * A request whose reply cannot be mistaken for a ghost's; undefined when there is none, or when
   * enough of them went unanswered.
   */
  fenceFor(unit: number, pdu: Uint8Array): Uint8Array | undefined {
    const ghosts = this.#byUnit.get(unit) ?? [];
    const span = decodeReadRequest(pdu);
    if (span === undefined || ghosts.length >= ghostLimit) return undefined;
    const taken = new Set<number>();
    for (const ghost of ghosts) {
      const asked = decodeReadRequest(ghost);
      if (asked?.table === span.table) taken.add(dataBytes(asked));
    }
    const { bits } = tables[span.table];
    const most = bits ? pduLimits.bits : pduLimits.registers;
    // Two registers less or more: devices with 32-bit values refuse half of one.
    const step = bits ? 8 : 2;
    for (let away = 1; away <= ghostLimit; away += 1) {
      for (const count of [span.count - away * step, span.count + away * step]) {
        const fence = { ...span, count };
        const fits = count >= 1 && count <= most && span.at + count <= 0x1_0000;
        if (fits && !taken.has(dataBytes(fence))) return encodeRead(fence);
      }
    }
    return undefined;
  }

  /** Every ghost of the unit has spoken or never will. */
  clear(unit: number): void {
    this.#byUnit.delete(unit);
  }
}
