/**
 * Requests on an RTU line that were given up and may still be answered. RTU replies carry no
 * transaction id: a late one with the same unit, function and length looks like the answer to the
 * next request, and the two would be out of step for ever.
 *
 * The way out is a fence: before the next request of that kind, one is sent whose reply has a
 * length that no ghost's reply has. Devices answer in order, so once the fence's reply is there,
 * every ghost has spoken or never will. A request whose own reply has such a length is its own
 * fence. An exception reply has one length only: where one may be a ghost's, the next fence asks
 * with a function that no ghost has, which a device need not know to answer.
 */
import type { Exchange } from "./exchange.ts";
import { dataBytes, decodeReadRequest, encodeRead, pduLimits, tableNames, tables } from "./pdu.ts";

/** Kinds of ghosts of one unit; the oldest is forgotten for one more. */
const ghostLimit = 16;

/** Lengths tried for a fence on either side of the request's own. */
const fenceLimit = 8;

/** An answer that is later than so many timeouts, and than so much, will not come any more. */
const patience = { timeouts: 10, ms: 10_000 } as const;

interface Ghost {
  readonly pdu: Uint8Array;
  /** Nothing of it will come any more. @unit ms, monotonic */
  readonly until: number;
}

/** Units on a line are numbered by a byte, which bounds the map. */
export class Ghosts {
  readonly #byUnit = new Map<number, readonly Ghost[]>();

  /** A request was given up that had `timeout` ms. */
  add({ unit, pdu, timeout }: Omit<Exchange, "pause">, now: number): void {
    const others = this.#of(unit, now).filter((ghost) => !alike(ghost.pdu, pdu));
    const until = now + Math.max(patience.ms, patience.timeouts * timeout);
    const ghosts = [...others, { pdu, until }];
    this.#byUnit.set(unit, ghosts.slice(-ghostLimit));
  }

  /** Whether a late reply could be taken for the answer to this request. */
  haunted(unit: number, pdu: Uint8Array, now: number): boolean {
    // The length is no help: an exception reply has the same for every request of a function.
    return this.#of(unit, now).some((ghost) => ghost.pdu[0] === pdu[0]);
  }

  /**
   * A request whose reply cannot be a ghost's, unless it is an exception: the request itself where
   * that will do, else one that reads a little less or more of the same.
   */
  fenceFor(unit: number, pdu: Uint8Array, now: number): Uint8Array | undefined {
    const ghosts = this.#of(unit, now);
    const free = (fence: Uint8Array): boolean => !ghosts.some((ghost) => alike(ghost.pdu, fence));
    if (free(pdu)) return pdu;
    const span = decodeReadRequest(pdu);
    if (span === undefined) return undefined;
    const { bits } = tables[span.table];
    const most = bits ? pduLimits.bits : pduLimits.registers;
    // Two registers less or more: devices with 32-bit values refuse half of one.
    const step = bits ? 8 : 2;
    for (let away = 1; away <= fenceLimit; away += 1) {
      for (const count of [span.count - away * step, span.count + away * step]) {
        if (count < 1 || count > most || span.at + count > 0x1_0000) continue;
        const fence = encodeRead({ ...span, count });
        if (free(fence)) return fence;
      }
    }
    return undefined;
  }

  /** A request whose reply cannot be a ghost's, whatever it is: no ghost has its function. */
  otherFence(unit: number, pdu: Uint8Array, now: number): Uint8Array | undefined {
    const ghosts = this.#of(unit, now);
    const at = decodeReadRequest(pdu)?.at ?? 0;
    for (const table of tableNames) {
      const fence = encodeRead({ table, at, count: 1 });
      if (!ghosts.some((ghost) => ghost.pdu[0] === fence[0])) return fence;
    }
    return undefined;
  }

  /** Every ghost of the unit has spoken or never will. */
  clear(unit: number): void {
    this.#byUnit.delete(unit);
  }

  #of(unit: number, now: number): readonly Ghost[] {
    return (this.#byUnit.get(unit) ?? []).filter(({ until }) => until > now);
  }
}

/** Whether the replies to two requests look the same but for their data. */
function alike(one: Uint8Array, other: Uint8Array): boolean {
  if (one[0] !== other[0]) return false;
  const [asked, wanted] = [decodeReadRequest(one), decodeReadRequest(other)];
  if (asked === undefined || wanted === undefined) return true;
  return dataBytes(asked) === dataBytes(wanted);
}
